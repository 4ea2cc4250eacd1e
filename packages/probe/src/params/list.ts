import type { Btf } from '@skep/bpf';
import type { ParamDescription } from '../describe/types.ts';
import { cidrEntries } from './cidr.ts';
import type { ParamCodec } from './codec.ts';
import { limitedCodec } from './limited-codec.ts';
import { parseInteger } from './plain-codecs.ts';
import { type ParamSetting, said } from './setting.ts';
import { valueError } from './value-error.ts';

/** Enough for every port and every process of a machine; the rest would be kernel memory and no list. */
export const MOST_VALUES = 1_000_000;

/** What a list's map is filled with. */
export interface ListEntries {
  /** Each once. */
  keys: Uint8Array[];
  /** Of one byte, beside the keys. */
  values: Uint8Array[];
}

/**
 * Reads the values of a list parameter: a text with commas, or a text for each of them, which may then contain commas.
 * Integers may be ranges: `8000-8010`.
 *
 * ```ts
 * parseList(findParam(description.params, 'ports'), btf, '80,443,8000-8010').keys.length; // 13
 * ```
 *
 * @throws {ProbeError} `SKEP_PARAM_INVALID`, with the place in the list
 */
export function parseList(param: ParamDescription, btf: Btf, setting: ParamSetting): ListEntries {
  const codec = limitedCodec(btf, param)!;
  const { value, from, places } = said(setting);
  const texts = itemsOf(param, value);
  const found = new Map<string, Uint8Array>();
  for (const [i, text] of texts.entries()) {
    const refuse = (many: boolean) =>
      valueError(param, text, { codec, from: places?.[i] ?? from, place: i, of: texts.length, many });
    for (const key of keysOf(codec, text, param.list!.ranges)) {
      if (key === undefined) throw refuse(false);
      found.set(Buffer.from(key).toString('latin1'), key);
      if (found.size > MOST_VALUES) throw refuse(true);
    }
  }
  const keys = [...found.values()];
  const entries = param.list!.cidrs ? cidrEntries(keys) : keys.map((key) => ({ key, value: 1 }));
  return { keys: entries.map((e) => e.key), values: entries.map((e) => Uint8Array.of(e.value)) };
}

/** The texts of a list's values. */
function itemsOf(param: ParamDescription, value: string | readonly string[]): readonly string[] {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  return text === '' || text === param.list!.none ? [] : text.split(',').map((item) => item.trim());
}

function* keysOf(codec: ParamCodec, text: string, ranges: boolean): Generator<Uint8Array | undefined> {
  const whole = write(codec, text);
  const ends = whole || !ranges ? null : /^([+-]?\w+) *- *([+-]?\w+)$/.exec(text);
  if (!ends) return yield whole;
  const [least, most] = [parseInteger(ends[1]!), parseInteger(ends[2]!)];
  if (least === undefined || most === undefined || least > most || !write(codec, String(most)))
    return yield undefined;
  for (let n = least; n <= most; n++) yield write(codec, String(n));
}

function write(codec: ParamCodec, text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(codec.size);
  return text !== '' && codec.write(text, new DataView(bytes.buffer), 0) ? bytes : undefined;
}
