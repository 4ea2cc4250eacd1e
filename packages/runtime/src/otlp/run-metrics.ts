import type { Run } from '../contract/run.ts';
import type { HistogramState, Series } from '../contract/series.ts';
import type { Stream } from '../contract/stream.ts';
import { figuresOf } from '../figures.ts';
import { type Family, familiesOf } from '../prom/families.ts';
import { type Sample, samplesOf } from '../prom/samples.ts';
import type {
  Attributes,
  HistogramPoint,
  MetricData,
  MetricSource,
  NumberPoint,
  Resource,
  ResourceMetrics,
  Scope,
  Time,
} from './data.ts';
import { metricName, ucum } from './names.ts';
import { labelAttributes, timeOf } from './values.ts';

/** A family with its name as OpenTelemetry has it. */
interface Named {
  readonly family: Family;
  readonly name: string;
  readonly unit: string;
}

/**
 * Every series of a run, and the run's own figures, as metrics.
 *
 * A sum counts since the probe was about to be attached, one whose key came later since the collection before: so the same
 * labels that come again after their key had left the map begin a new count and are not taken for a falling one.
 */
export class RunMetrics implements MetricSource {
  readonly #run: Run;
  readonly #resource: Resource;
  readonly #scope: Scope;
  /** By probe; the same object as `#scope` where the run has one. */
  readonly #scopes: ReadonlyMap<string, Scope>;
  readonly #metrics: readonly Named[];
  readonly #attributes = new WeakMap<Series, { attributes: Attributes; text: string }>();
  readonly #starts = new WeakMap<Series, Time>();
  readonly #readers = new Map<Stream, (series: Series) => Attributes>();
  readonly #start: Time;
  #before: Time;

  /** @param startMs when nothing was attached yet, milliseconds since 1970 */
  constructor(
    run: Run,
    resource: Resource,
    scope: Scope,
    startMs: number,
    scopes: ReadonlyMap<string, Scope> = new Map(run.probes.map((probe) => [probe, scope])),
  ) {
    this.#scopes = scopes;
    this.#run = run;
    this.#resource = resource;
    this.#scope = scope;
    // Metrics of different scopes may have one name.
    this.#metrics = run.probes.flatMap((probe) =>
      named(familiesOf({ streams: run.streams.filter((s) => s.probe === probe), probes: [probe] }, false)),
    );
    this.#start = timeOf(startMs);
    this.#before = this.#start;
  }

  async collect(): Promise<ResourceMetrics[]> {
    await this.#run.series.refresh();
    const time = timeOf(Date.now());
    const byScope = new Map<Scope, MetricData[]>([...this.#scopes.values()].map((scope) => [scope, []]));
    byScope.set(this.#scope, byScope.get(this.#scope) ?? []);
    for (const m of this.#metrics)
      byScope.get(this.#scopes.get(m.family.stream.probe)!)!.push(this.#metric(m, time));
    byScope.get(this.#scope)!.push(...figures(this.#run, this.#start, time));
    this.#before = time;
    return [...byScope].map(([scope, metrics]) => ({
      resource: this.#resource,
      scope,
      metrics: metrics.filter((m) => m.points.length > 0),
    }));
  }

  #metric({ family, name, unit }: Named, time: Time): MetricData {
    const { divisor, stream, type, help: description, whole: integer } = family;
    const about = { name, description, unit };
    const samples = samplesOf(this.#run.series.of(stream), family, (s) => this.#labels(s).text);
    if (type === 'histogram') {
      const points: HistogramPoint[] = [];
      for (const [, sample] of samples)
        points.push({ ...this.#point(sample, time), ...scaled(sample.histogram!, divisor) });
      return { ...about, type, points };
    }
    const points: NumberPoint[] = [];
    for (const [, sample] of samples) {
      const value = divisor === 1 ? sample.value : Number(sample.value) / divisor;
      // JSON has no word for what is no number, and nobody can add it up.
      if (typeof value === 'number' && !Number.isFinite(value)) continue;
      points.push({ ...this.#point(sample, time), value });
    }
    if (type === 'gauge') return { ...about, type, integer, points };
    return { ...about, type: 'sum', monotonic: true, integer, points };
  }

  #point({ series }: Sample, time: Time) {
    let start = this.#starts.get(series);
    if (start === undefined) {
      start = this.#before;
      this.#starts.set(series, start);
    }
    return { attributes: this.#labels(series).attributes, start, time };
  }

  #labels(series: Series): { attributes: Attributes; text: string } {
    let labels = this.#attributes.get(series);
    if (labels === undefined) {
      const { stream } = series;
      let read = this.#readers.get(stream);
      if (read === undefined) {
        read = labelAttributes(stream.fields);
        this.#readers.set(stream, read);
      }
      labels = { attributes: read(series), text: series.labels.map(([, text]) => text).join('\0') };
      this.#attributes.set(series, labels);
    }
    return labels;
  }
}

const TYPE_SUFFIX = { counter: '.counter', gauge: '.current', histogram: '.distribution' } as const;

/** `counter_files` and `gauge_files` are two metrics. */
function named(families: readonly Family[]): Named[] {
  const taken = new Set<string>();
  return families.map((family) => {
    let name = metricName(family.words, family.unit);
    while (taken.has(name)) name += TYPE_SUFFIX[family.type];
    taken.add(name);
    return { family, name, unit: ucum(family.unit) };
  });
}

function scaled(
  h: HistogramState,
  divisor: number,
): Pick<HistogramPoint, 'bounds' | 'counts' | 'count' | 'sum'> {
  const bounds = divisor === 1 ? h.bounds : h.bounds.map((b) => b / divisor);
  // The row counts on while this is encoded.
  const counts = Array.from(h.counts);
  return { bounds, counts, count: h.count, sum: h.sum === undefined ? undefined : h.sum / divisor };
}

function figures(run: Run, start: Time, time: Time): MetricData[] {
  return figuresOf(run.stats()).map(({ name, type, help: description, unit, samples }): MetricData => {
    const points = samples.map(([attributes, value]) => ({ attributes, start, time, value }));
    const about = { name: `skep.run.${name}`, description, unit, integer: unit !== 's', points };
    return type === 'gauge' ? { ...about, type } : { ...about, type: 'sum', monotonic: true };
  });
}
