import { typeFormats } from '@skep/probe';
import { listed, RuntimeError } from '../errors.ts';
import { sharedMaps } from '../run/load.ts';
import { hasLossCounter, isLossMap } from '../run/losses.ts';
import type { Opened } from '../run/open.ts';
import { blame, distinct, siblings } from '../run/probes.ts';
import { parseBuckets, parseValueKeys } from './flags.ts';
import { type PlanContext, planStream, type StreamPlan } from './plan.ts';
import { sourceOf } from './prefix.ts';
import { shownAs } from './show.ts';

/** What planning needs of an object that is opened. */
export type Plannable = Pick<Opened, 'name' | 'probe' | 'alone' | 'object' | 'shown'>;

/** A stream's plan and the map it reads. */
export interface PlannedMap<T extends Plannable = Opened> {
  readonly plan: StreamPlan;
  readonly opened: T;
  readonly map: string;
}

export interface BuildOptions {
  /** Prefixed maps that yield none. */
  rawMaps?: readonly string[];
  histBuckets: readonly string[];
  histValueKeys: readonly string[];
}

/**
 * Plans the streams of all maps that have a prefix or are asked for. A map that objects share is one stream.
 *
 * @throws RuntimeError SKEP_HIST_INVALID for flags that name no histogram, SKEP_SHOW_INVALID, SKEP_STREAM_INVALID
 */
export function buildStreams<T extends Plannable>(
  opened: readonly T[],
  options: BuildOptions,
  notes: string[],
): PlannedMap<T>[] {
  const found = shownMaps(opened, notes, options.rawMaps ?? []);
  const buckets = parseBuckets(options.histBuckets);
  const valueKeys = parseValueKeys(options.histValueKeys);
  const histograms = found.filter((f) => shownAs(f.map, f.opened.shown)!.kind === 'hist').map((f) => f.map);
  for (const map of [...buckets.keys(), ...valueKeys.keys()]) {
    if (histograms.includes(map)) continue;
    throw new RuntimeError(
      'SKEP_HIST_INVALID',
      `there is no histogram map "${map}"`,
      `Maps whose name begins with hist_: ${listed(histograms)}.`,
    );
  }
  return found.map(({ opened: o, map }, id) => {
    const has = (other: Plannable): boolean => found.some((f) => f.map === map && f.opened === other);
    const plan = planned(o, map, {
      id,
      shown: shownAs(map, o.shown),
      record: o.shown.get(map)?.struct,
      label: distinct(map, o, opened, has),
      object: o.name,
      probe: o.probe,
      btf: o.object.btf,
      format: typeFormats,
      buckets: buckets.get(map),
      valueKey: valueKeys.get(map),
      maps: o.object.maps,
      notes,
      lossKnown: sourceOf(o.object.map(map).type) !== 'ring' || hasLossCounter(siblings(opened, o), map),
    });
    return { plan, opened: o, map };
  });
}

function planned(o: Plannable, map: string, context: PlanContext): StreamPlan {
  try {
    return planStream(o.object.map(map), context);
  } catch (error) {
    throw blame(error, o);
  }
}

function shownMaps<T extends Plannable>(
  opened: readonly T[],
  notes: string[],
  rawMaps: readonly string[],
): { opened: T; map: string }[] {
  const shared = new Set<string>();
  const found: { opened: T; map: string }[] = [];
  for (const o of opened) {
    const own = new Set(sharedMaps(o).map((m) => m.name));
    for (const { name, type, internal } of o.object.maps) {
      const id = `${o.probe}\0${name}:${type}`;
      if (internal || !shownAs(name, o.shown) || rawMaps.includes(name) || shared.has(id)) continue;
      // A count of losses is told as that, unless somebody asks for it.
      if (isLossMap(o, name) && !o.shown.has(name)) continue;
      if (own.has(name)) shared.add(id);
      if (sourceOf(type)) found.push({ opened: o, map: name });
      else notes.push(`map ${name} is not shown: no rows are read from a map of type ${type}`);
    }
  }
  return found;
}
