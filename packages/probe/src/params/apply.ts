import type { BpfObject, Btf } from '@skep/bpf';
import type { ParamDescription } from '../describe/types.ts';
import { type ListEntries, parseList } from './list.ts';
import { parseParam } from './params.ts';
import type { ParamSetting } from './setting.ts';

/** What setting a parameter comes to: constants of the object by name, and of a list what its map is filled with. */
export interface AppliedParam {
  readonly constants: ReadonlyMap<string, Uint8Array>;
  readonly list?: ListEntries;
}

/**
 * Reads a setting.
 *
 * @throws {ProbeError} `SKEP_PARAM_INVALID`
 */
export function readSetting(param: ParamDescription, btf: Btf, setting: ParamSetting): AppliedParam {
  const { name } = param;
  if (!param.list) return { constants: new Map([[name, parseParam(param, btf, setting)]]) };
  const list = parseList(param, btf, setting);
  // What spares the program to look into the map: the count, and of one value the value.
  const count = Buffer.alloc(4);
  count.writeUInt32LE(list.keys.length);
  const constants = new Map<string, Uint8Array>([[`__${name}_count`, count]]);
  if (list.keys.length === 1) constants.set(`__${name}_only`, list.keys[0]!);
  return { constants, list };
}

/**
 * Sets a parameter of an object that is not loaded yet; a list's map is made as large as the list.
 *
 * @returns what the map is to be filled with, for a list
 * @throws {ProbeError} `SKEP_PARAM_INVALID`
 */
export function applyParam(
  object: BpfObject,
  param: ParamDescription,
  setting: ParamSetting,
): ListEntries | undefined {
  const { constants, list } = readSetting(param, object.btf, setting);
  if (list) object.map(param.name).maxEntries = Math.max(1, list.keys.length);
  // Not every list has a place for its only value.
  for (const [name, bytes] of constants)
    if (!name.endsWith('_only') || !list || object.globals.some((g) => g.name === name))
      object.setGlobal(name, bytes);
  return list;
}
