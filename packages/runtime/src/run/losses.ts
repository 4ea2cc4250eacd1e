import type { BpfMap, GlobalVariable } from '@skep/bpf';
import { isLossCount } from '@skep/probe';
import type { LostReason } from '../contract/losses.ts';
import type { Ledger } from '../ledger.ts';
import type { StackReader } from '../stacks/reader.ts';
import type { StackColumn } from '../streams/stack-columns.ts';
import type { StreamInfo } from '../streams/stream.ts';
import type { Opened } from './open.ts';
import { byProbe, siblings } from './probes.ts';

/** A stream that is shown, and whose. */
interface ShownStacks {
  readonly opened: Opened;
  readonly stream: Pick<StreamInfo, 'stackColumns' | 'stackReader' | 'valueStacks' | 'valueStackReader'>;
}

/**
 * The kernel does not count what a full ring buffer refuses, so a probe may: a global `<map>_lost` (skep.h's
 * SKEP_RINGBUF makes it) or a one-entry array map of that name, per CPU or not.
 */
export function hasLossCounter(opened: readonly Pick<Opened, 'object'>[], map: string): boolean {
  return opened.some((o) => lossGlobal(o, map) !== undefined || lossMap(o, map) !== undefined);
}

/** Whether a map is there to count what another one lost: such a one is not shown, whatever its name begins with. */
export function isLossMap(opened: Pick<Opened, 'object'>, name: string): boolean {
  const of = name.endsWith('_lost') ? name.slice(0, -'_lost'.length) : '';
  return opened.object.maps.some((m) => m.name === of) && lossMap(opened, of) !== undefined;
}

/**
 * Brings the ledger up to date with what a probe counted as lost in its own maps, which are not shown: stacks that
 * found no place, state that found no room.
 */
export function ownAccounts(
  opened: readonly Opened[],
  shown: readonly { readonly opened: Opened; readonly map: string }[],
  cpus: number,
  ledger: Ledger,
): (() => void)[] {
  return byProbe(opened).flatMap((group) => {
    const own = new Set(shown.filter((s) => s.opened.probe === group[0]!.probe).map((s) => s.map));
    const maps = new Map<string, LostReason>();
    for (const o of group)
      for (const { name, type, internal } of o.object.maps)
        if (!internal && !own.has(name) && hasLossCounter(group, name)) maps.set(name, reasonOf(type));
    return [...maps].map(([map, reason]) => {
      const counted = lossReader(group, map, cpus);
      const label = labelOf(map, group[0]!, opened);
      return () => ledger.set(label, reason, counted());
    });
  });
}

/** Maps whose stacks are shown and of which nobody counts the stacks that found their place taken. */
export function uncountedStacks(opened: readonly Opened[], shown: readonly ShownStacks[]): string[] {
  const uncounted = shown.flatMap(({ opened: of, stream }) => {
    const uncountedIn = (columns: readonly StackColumn[], reader: StackReader | undefined): string[] =>
      columns.flatMap(({ map }, s) =>
        map === undefined || hasLossCounter(siblings(opened, of), map) || reader?.takesNone(s)
          ? []
          : [labelOf(map, of, opened)],
      );
    return [
      ...uncountedIn(stream.stackColumns, stream.stackReader),
      ...uncountedIn(stream.valueStacks, stream.valueStackReader),
    ];
  });
  return [...new Set(uncounted)];
}

/** A map that is not shown, by its name, and where another probe has one of that name by the probe too. */
function labelOf(map: string, { probe }: Opened, opened: readonly Opened[]): string {
  const elsewhere = opened.some((o) => o.probe !== probe && o.object.maps.some((m) => m.name === map));
  return elsewhere ? `${map}@${probe}` : map;
}

function reasonOf(mapType: string): LostReason {
  const reasons: Record<string, LostReason> = {
    stack_trace: 'stack_lost',
    ringbuf: 'ring_full',
    perf_event_array: 'perf_full',
  };
  return reasons[mapType] ?? 'map_full';
}

/** Reads what the probe counted as lost for a map, over all objects that count it. Only after load. */
export function lossReader(opened: readonly Opened[], map: string, cpus: number): () => number {
  const reads: (() => number)[] = [];
  for (const o of opened) {
    const global = lossGlobal(o, map);
    const read = global && globalReader(o, global);
    if (read) reads.push(read);
    const counter = lossMap(o, map);
    if (counter) reads.push(() => mapSum(counter, cpus));
  }
  return () => reads.reduce((sum, read) => sum + read(), 0);
}

/** Reads a number among an object's globals. Only after load. */
export function globalReader(
  { object }: Pick<Opened, 'object'>,
  { section, offset, size }: GlobalVariable,
): (() => number) | undefined {
  const map = object.maps.find((m) => m.internal && m.name.endsWith(section));
  return map && (() => integerAt(firstValue(map), offset, size));
}

function lossGlobal({ object }: Pick<Opened, 'object'>, map: string): GlobalVariable | undefined {
  return object.globals.find((g) => g.name === `${map}_lost` && !g.const && (g.size === 8 || g.size === 4));
}

function lossMap({ object }: Pick<Opened, 'object'>, map: string): BpfMap | undefined {
  return object.maps.find((m) => m.name === `${map}_lost` && isLossCount(m));
}

function firstValue(map: BpfMap): Uint8Array {
  return map.get(new Uint8Array(4)) ?? new Uint8Array(map.valueSize);
}

function mapSum(map: BpfMap, cpus: number): number {
  const bytes = firstValue(map);
  if (map.type === 'array') return integerAt(bytes, 0, map.valueSize);
  const stride = Math.ceil(map.valueSize / 8) * 8;
  let sum = 0;
  for (let cpu = 0; cpu < cpus; cpu++) sum += integerAt(bytes, cpu * stride, map.valueSize);
  return sum;
}

function integerAt(bytes: Uint8Array, offset: number, size: number): number {
  let n = 0;
  for (let i = size - 1; i >= 0; i--) n = n * 256 + bytes[offset + i]!;
  return n;
}
