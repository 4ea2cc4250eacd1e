import { BpfObject } from '@skep/bpf';
import type { ListEntries, ParamSetting, Targets } from '@skep/probe';
import type { RunUnit } from '../contract/request.ts';
import { RuntimeError } from '../errors.ts';
import { parseShow, type ShownMaps } from '../streams/show.ts';
import { type Buffers, setBuffers } from './buffers.ts';
import { leaveOutIdleMaps } from './idle-maps.ts';
import { checkForced, factsOnce, type HookRequest, Ladder } from './ladder.ts';
import { type Settings, setOwnParams, setParams } from './params.ts';
import { blaming, byProbe, probesOf } from './probes.ts';
import { pointPrograms, wantTargeted } from './targets.ts';

/** An object of the run, opened and configured but not yet loaded. */
export interface Opened {
  /** As it is told apart from all others of the run: `program.o`, or `program.o@oomkill:1` beside one of that name. */
  readonly name: string;
  /** The probe it is of. */
  readonly probe: string;
  /** Whether the run has no other probe. */
  readonly alone: boolean;
  /** The object's own name. */
  readonly file: string;
  /** What the image says of where its programs go. */
  readonly attachDefaults: readonly string[];
  /** What its parameters are set to. */
  settings: Settings;
  readonly bytes: Uint8Array;
  /** The BTF file that stands in for the kernel's types, where it has none. */
  readonly types?: string;
  object: BpfObject;
  /** Where its programs go, as far as their sections do not say; see {@link planTargets}. */
  targets?: Targets;
  /** Maps that are shown though their names do not say so. */
  readonly shown: ShownMaps;
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
  objects: readonly RunUnit[],
  params: Settings,
  hooks: HookRequest,
  runName = '',
  show: readonly string[] = [],
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
    const units = objects.map((unit) => ({ ...unit, probe: unit.probe ?? runName }));
    const alone = probesOf(units).length === 1;
    for (const unit of units)
      blaming({ probe: unit.probe, alone }, () => {
        const shown = parseShow([...(unit.show ?? []), ...show]);
        opened.push(openUnit(unit, units, hooks, facts, { alone, shown }));
      });
    setParams(opened, params, unitParams(units));
    for (const group of byProbe(opened)) {
      const [first] = group as [Opened];
      const own = units.find((u) => u.probe === first.probe)?.hooks ?? {};
      blaming(first, () =>
        checkForced(
          own,
          group.flatMap((o) => o.ladder.groups),
        ),
      );
    }
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

type Unit = RunUnit & { readonly probe: string };

function openUnit(
  { name: file, bytes, types, probe, hooks: own = {}, attachDefaults = [] }: Unit,
  units: readonly Unit[],
  hooks: HookRequest,
  facts: ReturnType<typeof factsOnce>,
  about: Pick<Opened, 'alone' | 'shown'>,
): Opened {
  const name = units.some((u) => u.name === file && u.probe !== probe) ? `${file}@${probe}` : file;
  const object = BpfObject.open(bytes, { name: file, types });
  try {
    const request = { ...hooks, forced: { ...own, ...hooks.forced } };
    const ladder = new Ladder(name, object, request, facts);
    return {
      ...about,
      name,
      file,
      probe,
      bytes,
      types,
      attachDefaults,
      settings: {},
      object,
      ladder,
      more: [],
      lists: new Map(),
    };
  } catch (error) {
    object.close();
    throw error;
  }
}

/** What is said of a probe counts for all its objects. */
function unitParams(units: readonly Unit[]): Map<string, Record<string, ParamSetting>> {
  const params = new Map<string, Record<string, ParamSetting>>();
  for (const { probe, params: own } of units) params.set(probe, { ...params.get(probe), ...own });
  return params;
}

/** Opens the object again with the same parameters and targets, for another try to load it. */
export function reopen(opened: Opened): void {
  opened.object.close();
  opened.object = BpfObject.open(opened.bytes, { name: opened.file, types: opened.types });
  wantTargeted(opened);
  opened.ladder.configure(opened.object);
  setOwnParams(opened);
  pointPrograms(opened);
  setBuffers(opened);
  leaveOutIdleMaps(opened);
}
