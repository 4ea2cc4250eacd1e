import type { Run } from '../contract/run.ts';
import type { HistogramState, Series } from '../contract/series.ts';
import { type Family, familiesOf } from './families.ts';
import { headLines, numberText } from './lines.ts';
import { escapeLabel } from './names.ts';
import { samplesOf } from './samples.ts';
import { selfMetrics } from './self.ts';

export interface PrometheusOptions {
  /** OpenMetrics 1.0 instead of Prometheus text 0.0.4. */
  openMetrics?: boolean;
  /** `ebpf_solo_io_<map>` as bee names them: no `_total`, no units. Prometheus text only. */
  beeNames?: boolean;
}

/** Families and label texts of a run, made once. */
interface Exposition {
  readonly families: readonly Family[];
  readonly labels: WeakMap<Series, string>;
}

const expositions = new WeakMap<Run, Map<boolean, Exposition>>();

/**
 * Everything a run counts, read anew, as text for Prometheus: its counters, gauges and histograms, then the run's own figures.
 *
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (0.0.4) and
 * https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
 *
 * ```ts
 * response.end(await prometheusText(run, { openMetrics: true }));
 * ```
 */
export async function prometheusText(run: Run, options: PrometheusOptions = {}): Promise<string> {
  const beeNames = options.beeNames ?? false;
  const openMetrics = (options.openMetrics ?? false) && !beeNames;
  const { families, labels } = expositionOf(run, beeNames);
  await run.series.refresh();
  let out = '';
  let named = '';
  for (const family of families) {
    // Probes of one run may share a metric.
    if (family.name !== named) out += head(family, openMetrics);
    named = family.name;
    const suffix = family.type === 'counter' && !family.bare ? '_total' : '';
    const textOf = (series: Series): string => {
      let text = labels.get(series);
      if (text === undefined) {
        text = labelText(series, family);
        labels.set(series, text);
      }
      return text;
    };
    for (const [text, sample] of samplesOf(run.series.of(family.stream), family, textOf)) {
      if (sample.histogram) out += histogramLines(family, sample.histogram, text, openMetrics);
      else {
        const value = numberText(sample.value, family.divisor);
        out += `${family.name}${suffix}${text === '' ? '' : `{${text}}`} ${value}\n`;
      }
    }
  }
  out += selfMetrics(run.stats(), openMetrics);
  return openMetrics ? `${out}# EOF\n` : out;
}

function expositionOf(run: Run, beeNames: boolean): Exposition {
  let both = expositions.get(run);
  if (both === undefined) {
    both = new Map();
    expositions.set(run, both);
  }
  let exposition = both.get(beeNames);
  if (exposition === undefined) {
    exposition = { families: familiesOf(run, beeNames), labels: new WeakMap() };
    both.set(beeNames, exposition);
  }
  return exposition;
}

function head(family: Family, openMetrics: boolean): string {
  return headLines(family.name, family.type, family.help, openMetrics, family.bare);
}

function labelText(series: Series, { labels: names, probe }: Family): string {
  const labels = series.overflow
    ? ['otel_metric_overflow="true"']
    : series.labels.map(([, text], i) => `${names[i]}="${escapeLabel(text)}"`);
  if (probe !== undefined) labels.unshift(`probe="${escapeLabel(probe)}"`);
  return labels.join(',');
}

function histogramLines(family: Family, h: HistogramState, labels: string, openMetrics: boolean): string {
  const comma = labels === '' ? '' : ',';
  const braces = labels === '' ? '' : `{${labels}}`;
  let out = '';
  let below = 0;
  for (let i = 0; i < h.bounds.length; i++) {
    below += h.counts[i]!;
    out += `${family.name}_bucket{${labels}${comma}le="${boundText(h.bounds[i]! / family.divisor, openMetrics)}"} ${below}\n`;
  }
  out += `${family.name}_bucket{${labels}${comma}le="+Inf"} ${h.count}\n`;
  if (h.sum !== undefined) out += `${family.name}_sum${braces} ${numberText(h.sum, family.divisor)}\n`;
  return `${out}${family.name}_count${braces} ${h.count}\n`;
}

/** OpenMetrics has `10.0` where Prometheus has `10`. */
function boundText(bound: number, openMetrics: boolean): string {
  const text = String(bound);
  return openMetrics && /^-?\d+$/.test(text) ? `${text}.0` : text;
}
