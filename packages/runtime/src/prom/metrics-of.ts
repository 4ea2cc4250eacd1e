import { BpfObject } from '@skep/bpf';
import { buildStreams, type Plannable } from '../streams/build.ts';
import { parseShow } from '../streams/show.ts';
import { familiesOf } from './families.ts';

/** A metric of a probe, as `/metrics` will have it. */
export interface Metric {
  /** As in Prometheus' text: a counter's with `_total`, a histogram's without `_bucket`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** The base unit: `seconds`, `bytes`, a word of the probe's, or empty. */
  readonly unit: string;
  readonly labels: readonly string[];
  /** The map that it is read from. */
  readonly map: string;
}

/**
 * The metrics that a probe will have, from the BTF of its objects alone: nothing is loaded, and no right is needed. Bee's names
 * and a run of several probes (each sample then has the label `probe`) are left out.
 *
 * ```ts
 * metricsOf([{ name: 'oomkill.o', bytes }]).map((m) => m.name);   // ['skep_oom_kills_total']
 * ```
 *
 * @param show `[KIND=]MAP[:STRUCT]`: what the image says of maps without a prefix
 * @throws BpfError for bytes that are no object, RuntimeError SKEP_STREAM_INVALID for a map that is no metric
 */
export function metricsOf(
  objects: readonly { readonly name: string; readonly bytes: Uint8Array }[],
  show: readonly string[] = [],
): Metric[] {
  const opened: Plannable[] = [];
  const shown = parseShow(show);
  try {
    for (const { name, bytes } of objects)
      opened.push({ name, probe: '', alone: true, shown, object: BpfObject.open(bytes, { name }) });
    const planned = buildStreams(opened, { histBuckets: [], histValueKeys: [] }, []);
    const streams = planned.map((p) => p.plan.stream);
    return familiesOf({ streams, probes: [''] }, false).map(({ name, type, help, unit, labels, stream }) => ({
      name: type === 'counter' ? `${name}_total` : name,
      ...{ type, help, unit, labels, map: stream.map },
    }));
  } finally {
    for (const { object } of opened) object.close();
  }
}
