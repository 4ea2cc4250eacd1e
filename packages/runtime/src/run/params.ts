import {
  describeObject,
  type ListEntries,
  type ParamDescription,
  type ParamSetting,
  parseList,
  parseParam,
} from '@skep/probe';
import { listed, RuntimeError } from '../errors.ts';
import { tagsOf } from '../streams/tags.ts';
import type { Opened } from './open.ts';

/** What parameters are set to, by name. */
export type Settings = Readonly<Record<string, ParamSetting>>;

/**
 * Sets the parameters of objects that are not loaded yet. A list's map is made as large as the list, and small when
 * nothing is in it; {@link fillLists} fills it.
 *
 * @throws RuntimeError SKEP_PARAM_UNKNOWN; ProbeError SKEP_PARAM_INVALID for a value
 */
export function setParams(opened: readonly Opened[], settings: Settings): void {
  for (const { object } of opened)
    for (const map of object.maps)
      if (!map.internal && tagsOf(object.btf, map.name, 'var').list) map.maxEntries = 1;
  if (Object.keys(settings).length === 0) return;
  const known = opened.map(parametersOf);
  for (const [name, setting] of Object.entries(settings)) {
    const found = opened.filter((o, i) => {
      const parameter = known[i]!.find((p) => p.name === name);
      if (parameter) setParam(o, parameter, setting);
      return parameter;
    });
    if (found.length > 0) continue;
    const names = [...new Set(known.flat().map((p) => p.name))];
    throw new RuntimeError(
      'SKEP_PARAM_UNKNOWN',
      `there is no parameter "${name}"`,
      names.length === 0 ? 'This probe has no parameters.' : `Parameters: ${listed(names)}.`,
    );
  }
}

/** Sets those parameters that the object has, for another try to load it. */
export function setOwnParams(o: Opened, settings: Settings): void {
  const known = new Set(parametersOf(o).map((p) => p.name));
  setParams([o], Object.fromEntries(Object.entries(settings).filter(([name]) => known.has(name))));
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
  const { name } = parameter;
  if (!parameter.list) {
    object.setGlobal(name, parseParam(parameter, object.btf, setting));
    return;
  }
  const list = parseList(parameter, object.btf, setting);
  lists.set(name, list);
  object.map(name).maxEntries = Math.max(1, list.keys.length);
  setListConstants(object, name, list);
}

/** What spares the program to look into the map: the count, and of one value the value. */
function setListConstants(object: Opened['object'], name: string, { keys }: ListEntries): void {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(keys.length);
  object.setGlobal(`__${name}_count`, count);
  const only = `__${name}_only`;
  if (keys.length === 1 && object.globals.some((g) => g.name === only)) object.setGlobal(only, keys[0]!);
}

function parametersOf({ name, bytes }: Opened): readonly ParamDescription[] {
  return describeObject(bytes, name).params;
}
