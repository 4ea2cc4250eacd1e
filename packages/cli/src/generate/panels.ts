import type { Metric } from '@skep/runtime';

/** A panel of Grafana, without its place. */
export interface Panel {
  readonly type: 'timeseries' | 'heatmap' | 'stat' | 'row';
  readonly title: string;
  readonly description?: string;
  readonly targets?: readonly Target[];
  readonly fieldConfig?: object;
  readonly options?: object;
}

/** One query of a panel. */
export interface Target {
  readonly expr: string;
  readonly legendFormat: string;
  readonly format?: 'time_series' | 'heatmap';
}

/** The jobs and instances that are chosen at the top of the dashboard. */
export const CHOSEN = 'job=~"$job",instance=~"$instance"';
const RATE = '[$__rate_interval]';
/** More lines than these cannot be told apart. */
const MOST = 20;

/** What shows a metric: a line for each of its label sets; of a histogram quantiles, its whole shape, and who is slow. */
export function panelsOf(metric: Metric): Panel[] {
  const { name, type, unit, help } = metric;
  // Prometheus puts its own in the place of these two, and the probe's beside them.
  const labels = metric.labels.map((l) => (l === 'job' || l === 'instance' ? `exported_${l}` : l));
  const title = titleOf(help, name);
  const legendFormat = labels.length > 0 ? labels.map((l) => `{{${l}}}`).join(' ') : title;
  if (type === 'counter') {
    const expr = most(labels, `sum ${by(labels)}(rate(${name}{${CHOSEN}}${RATE}))`);
    return [lines(`${title}, a second`, help, rateUnit(unit), [{ expr, legendFormat }])];
  }
  if (type === 'gauge') {
    const expr = most(labels, `sum ${by(labels)}(${name}{${CHOSEN}})`);
    return [lines(title, help, unitOf(unit), [{ expr, legendFormat }])];
  }
  const buckets = (more: readonly string[]) =>
    `sum ${by(['le', ...more])}(rate(${name}_bucket{${CHOSEN}}${RATE}))`;
  const quantile = (q: number, more: readonly string[] = []) => `histogram_quantile(${q}, ${buckets(more)})`;
  const panels = [
    lines(
      `${title}, quantiles`,
      help,
      unitOf(unit),
      [0.5, 0.9, 0.99].map((q) => ({ expr: quantile(q), legendFormat: `p${q * 100}` })),
    ),
    heatmap(title, help, unitOf(unit), {
      expr: `sum by (le) (increase(${name}_bucket{${CHOSEN}}${RATE}))`,
      legendFormat: '{{le}}',
      format: 'heatmap',
    }),
  ];
  if (labels.length > 0) {
    const expr = most(labels, quantile(0.99, labels));
    panels.push(lines(`${title}, p99 of each`, help, unitOf(unit), [{ expr, legendFormat }]));
    const rate = most(labels, `sum ${by(labels)}(rate(${name}_count{${CHOSEN}}${RATE}))`);
    panels.push(lines(`${title}, how often a second`, help, 'cps', [{ expr: rate, legendFormat }]));
  }
  return panels;
}

/** What skep says of the run itself: what came, what was lost, what it costs. */
export function runPanels(): Panel[] {
  const rate = (name: string, ...of: string[]): string =>
    `sum ${by(of)}(rate(skep_run_${name}{${CHOSEN}}${RATE}))`;
  return [
    lines('Events read, a second', 'From ring and perf buffers, by map.', 'cps', [
      { expr: rate('events_total', 'map'), legendFormat: '{{map}}' },
    ]),
    lines('Events lost, a second', 'By map and the place where they were lost; empty is good.', 'cps', [
      { expr: rate('lost_events_total', 'map', 'reason'), legendFormat: '{{map}} {{reason}}' },
    ]),
    lines('Processor time', 'Of skep itself and of its programs in the kernel.', 'percentunit', [
      { expr: rate('cpu_seconds_total', 'instance'), legendFormat: 'skep {{instance}}' },
      { expr: rate('program_run_time_seconds_total', 'instance'), legendFormat: 'programs {{instance}}' },
    ]),
    lines('Series held', 'Label sets; there is a cap, --max-series.', 'short', [
      { expr: `sum by (instance) (skep_run_series{${CHOSEN}})`, legendFormat: '{{instance}}' },
    ]),
  ];
}

function lines(title: string, description: string, unit: string, targets: readonly Target[]): Panel {
  const custom = { drawStyle: 'line', lineWidth: 1, fillOpacity: 10, showPoints: 'never', spanNulls: false };
  return {
    ...{ type: 'timeseries', title, description, targets },
    fieldConfig: { defaults: { unit, min: 0, custom }, overrides: [] },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  };
}

function heatmap(title: string, description: string, unit: string, target: Target): Panel {
  return {
    ...{ type: 'heatmap', title: `${title}, distribution`, description, targets: [target] },
    fieldConfig: { defaults: {}, overrides: [] },
    options: {
      calculate: false,
      yAxis: { unit, axisPlacement: 'left' },
      color: { mode: 'scheme', scheme: 'Oranges', steps: 64 },
      tooltip: { mode: 'single', yHistogram: true },
      legend: { show: true },
    },
  };
}

function by(labels: readonly string[]): string {
  return labels.length > 0 ? `by (${labels.join(', ')}) ` : '';
}

function most(labels: readonly string[], expr: string): string {
  return labels.length > 0 ? `topk(${MOST}, ${expr})` : expr;
}

/** The sentence of the help without its stop, as far as a title goes. */
function titleOf(help: string, name: string): string {
  const sentence = help.replace(/\.$/, '');
  if (sentence === '' || sentence.length > 60) return name;
  return `${sentence[0]!.toUpperCase()}${sentence.slice(1)}`;
}

/** Names of Grafana's units. */
function unitOf(unit: string): string {
  return { seconds: 's', bytes: 'bytes' }[unit] ?? 'short';
}

/** Seconds a second are a share. */
function rateUnit(unit: string): string {
  return { seconds: 'percentunit', bytes: 'Bps' }[unit] ?? 'cps';
}
