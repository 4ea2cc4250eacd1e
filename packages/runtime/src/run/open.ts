import { BpfObject } from '@skep/bpf';
import type { ListEntries, Targets } from '@skep/probe';
import { RuntimeError } from '../errors.ts';
import { type Buffers, setBuffers } from './buffers.ts';
import { leaveOutIdleMaps } from './idle-maps.ts';
import { checkForced, factsOnce, type HookRequest, Ladder } from './ladder.ts';
import { type Settings, setOwnParams, setParams } from './params.ts';
import { pointPrograms, wantTargeted } from './targets.ts';

/** An object of the run, opened and configured but not yet loaded. */
export interface Opened {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The BTF file that stands in for the kernel's types, where it has none. */
  readonly types?: string;
  object: BpfObject;
  /** Where its programs go, as far as their sections do not say; see {@link planTargets}. */
  targets?: Targets;
  /** Which buffers its streams of events use; see {@link chooseBuffers}. */
  buffers?: Buffers;
  /** Its groups of hooks, and which rung each is on. */
  readonly ladder: Ladder;
  /** Objects of the same bytes with rungs that were loaded later, around the first one's maps. */
  readonly more: BpfObject[];
  /** What its list parameters hold, by the name of the map. */
  readonly lists: Map<string, ListEntries>;
}

/** Detaches and frees all of it. */
export function closeOpened(opened: readonly Opened[]): void {
  for (const o of opened) for (const object of [...o.more, o.object]) object.close();
}

/**
 * Opens every object, sets the parameters and chooses the hooks. The kernel is asked at most what hooks it has.
 *
 * @throws RuntimeError SKEP_NOTHING_TO_RUN, SKEP_PARAM_UNKNOWN, SKEP_HOOK_UNKNOWN, SKEP_NO_RUNG; BpfError for bytes that are no object; ProbeError
 *   for a parameter's text
 */
export function openObjects(
  objects: readonly { name: string; bytes: Uint8Array; types?: string }[],
  params: Settings,
  hooks: HookRequest,
): Opened[] {
  if (objects.length === 0)
    throw new RuntimeError(
      'SKEP_NOTHING_TO_RUN',
      'there is no object to run',
      'Name an image, an object file or a source file.',
    );
  const opened: Opened[] = [];
  try {
    const facts = factsOnce(hooks.explain);
    for (const { name, bytes, types } of objects) {
      const object = BpfObject.open(bytes, { name, types });
      try {
        opened.push({
          name,
          bytes,
          types,
          object,
          ladder: new Ladder(name, object, hooks, facts),
          more: [],
          lists: new Map(),
        });
      } catch (error) {
        object.close();
        throw error;
      }
    }
    setParams(opened, params);
    checkForced(
      hooks.forced,
      opened.flatMap((o) => o.ladder.groups),
    );
  } catch (error) {
    closeOpened(opened);
    throw error;
  }
  return opened;
}

/** Opens the object again with the same parameters and targets, for another try to load it. */
export function reopen(opened: Opened, params: Settings): void {
  opened.object.close();
  opened.object = BpfObject.open(opened.bytes, { name: opened.name, types: opened.types });
  wantTargeted(opened);
  opened.ladder.configure(opened.object);
  setOwnParams(opened, params);
  pointPrograms(opened);
  setBuffers(opened);
  leaveOutIdleMaps(opened);
}
