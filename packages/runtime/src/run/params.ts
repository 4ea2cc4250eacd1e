import { applyParam, describeObject, type ParamDescription, type ParamSetting } from '@skep/probe';
import { listed, RuntimeError } from '../errors.ts';
import { tagsOf } from '../streams/tags.ts';
import type { Opened } from './open.ts';
import { blaming, byProbe } from './probes.ts';

/** What parameters are set to, by name. */
export type Settings = Readonly<Record<string, ParamSetting>>;

/**
 * Sets the parameters of objects that are not loaded yet. A list's map is made as large as the list, and small when
 * nothing is in it; {@link fillLists} fills it.
 *
 * @param settings of the whole run: an object takes those that it has, and one that nobody has is an error
 * @param own by probe, what counts where `settings` says nothing
 * @throws RuntimeError SKEP_PARAM_UNKNOWN; ProbeError SKEP_PARAM_INVALID for a value
 */
export function setParams(
  opened: readonly Opened[],
  settings: Settings,
  own: ReadonlyMap<string, Settings> = new Map(),
): void {
  for (const o of opened) shrinkLists(o);
  const some = [settings, ...own.values()].some((all) => Object.keys(all).length > 0);
  if (!some) return;
  const known = new Map(opened.map((o) => [o, parametersOf(o)]));
  checkNames(settings, [...known.values()].flat(), opened);
  for (const group of byProbe(opened)) {
    const [first] = group as [Opened];
    const parameters = group.flatMap((o) => known.get(o)!);
    blaming(first, () => checkNames(own.get(first.probe) ?? {}, parameters, group));
    for (const o of group) {
      const names = new Set(known.get(o)!.map((p) => p.name));
      const all = Object.entries({ ...own.get(o.probe), ...settings });
      o.settings = Object.fromEntries(all.filter(([name]) => names.has(name)));
      blaming(o, () => applySettings(o, known.get(o)!));
    }
  }
}

function checkNames(
  settings: Settings,
  parameters: readonly ParamDescription[],
  opened: readonly Opened[],
): void {
  const names = [...new Set(parameters.map((p) => p.name))];
  const unknown = Object.keys(settings).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const there = names.length === 0 ? 'This probe has no parameters.' : `Parameters: ${listed(names)}.`;
  throw new RuntimeError(
    'SKEP_PARAM_UNKNOWN',
    `there is no parameter "${unknown}"`,
    opened.some((o) => isVariable(o, unknown))
      ? `It is a variable, and parameters are those declared const volatile, without static and without a SEC of their own. ${there}`
      : there,
  );
}

function isVariable({ object }: Opened, name: string): boolean {
  return object.btf.find(name, 'var') !== undefined && !object.maps.some((map) => map.name === name);
}

/** Sets the object's parameters again, for another try to load it. */
export function setOwnParams(o: Opened): void {
  shrinkLists(o);
  if (Object.keys(o.settings).length > 0) applySettings(o, parametersOf(o));
}

function shrinkLists({ object }: Opened): void {
  for (const map of object.maps)
    if (!map.internal && tagsOf(object.btf, map.name, 'var').list) map.maxEntries = 1;
}

function applySettings(o: Opened, parameters: readonly ParamDescription[]): void {
  for (const [name, setting] of Object.entries(o.settings))
    setParam(o, parameters.find((p) => p.name === name)!, setting);
}

/** Puts the values of the lists into their maps, once these exist and before anything is attached. */
export function fillLists(opened: readonly Opened[]): void {
  for (const { object, lists } of opened)
    for (const [name, { keys, values }] of lists) {
      const map = object.map(name);
      for (const [i, key] of keys.entries()) map.set(key, values[i]!);
    }
}

function setParam({ object, lists }: Opened, parameter: ParamDescription, setting: ParamSetting): void {
  const list = applyParam(object, parameter, setting);
  if (list) lists.set(parameter.name, list);
}

function parametersOf({ name, bytes }: Opened): readonly ParamDescription[] {
  return describeObject(bytes, name).params;
}
