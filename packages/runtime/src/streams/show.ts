import type { StreamKind } from '../contract/stream.ts';
import { listed, RuntimeError } from '../errors.ts';
import { sourceOf, splitPrefix } from './prefix.ts';

/** How a map is shown whose name does not say so. */
export interface Shown {
  readonly kind: StreamKind;
  /** The struct that the records of a buffer are, which foreign programs do not say of theirs. */
  readonly struct?: string;
}

/** By the names of maps. */
export type ShownMaps = ReadonlyMap<string, Shown>;

const KINDS: readonly StreamKind[] = ['print', 'counter', 'gauge', 'hist'];

/**
 * Parses `[KIND=]MAP[:STRUCT]`: `counts`, `counter=counts`, `events:event`.
 *
 * @throws RuntimeError SKEP_SHOW_INVALID
 */
export function parseShow(texts: readonly string[]): ShownMaps {
  return new Map(
    texts.map((text) => {
      const [, kind = 'print', map, struct] = /^(?:([^=:]*)=)?([^=:]+)(?::(\w+))?$/.exec(text.trim()) ?? [];
      const known = KINDS.find((k) => k === kind);
      if (map === undefined || known === undefined)
        throw new RuntimeError(
          'SKEP_SHOW_INVALID',
          `show "${text}": a map is needed`,
          `Write it as MAP, KIND=MAP (${KINDS.join(', ')}) or MAP:STRUCT, as counter=calls or events:event.`,
        );
      return [map, { kind: known, ...(struct !== undefined && { struct }) }] as const;
    }),
  );
}

/** What a map is called and how it is shown: as was asked for, else as its prefix says; undefined: not at all. */
export function shownAs(map: string, shown: ShownMaps): { kind: StreamKind; name: string } | undefined {
  const asked = shown.get(map);
  return asked ? { kind: asked.kind, name: map } : splitPrefix(map);
}

/** What is looked at of the objects' maps, of which libbpf's own are none of the user's. */
interface Named {
  readonly object: {
    readonly maps: readonly { readonly name: string; readonly type: string; readonly internal: boolean }[];
  };
}

/** @throws RuntimeError SKEP_SHOW_INVALID for a map that is not there, or has no rows */
export function checkShown(shown: ShownMaps, opened: readonly Named[]): void {
  const maps = opened.flatMap(({ object }) => object.maps.filter((m) => !m.internal));
  for (const name of shown.keys()) {
    const found = maps.filter((m) => m.name === name);
    if (found.some((m) => sourceOf(m.type))) continue;
    throw new RuntimeError(
      'SKEP_SHOW_INVALID',
      found[0]
        ? `show "${name}": no rows are read from a map of type ${found[0].type}`
        : `show: there is no map "${name}"`,
      `Maps: ${listed([...new Set(maps.filter((m) => sourceOf(m.type)).map((m) => m.name))])}.`,
    );
  }
}
