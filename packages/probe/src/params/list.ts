import type { Btf } from '@skep/bpf';
import type { ParamDescription } from '../describe/types.ts';
import { ProbeError } from '../errors.ts';
import { cidrEntries } from './cidr.ts';
import type { ParamCodec } from './codec.ts';
import { limitedCodec } from './limited-codec.ts';
import { parseInteger } from './plain-codecs.ts';
import { type ParamSetting, said } from './setting.ts';
import { valueError } from './value-error.ts';

/** Enough for every port and every process of a machine; the rest would be kernel memory and no list. */
export const MOST_VALUES = 1_000_000;

/** What a user writes for a list that everything passes, as when it is not set. */
export const EVERYTHING = '*';

/** What a list's map is filled with. */
export interface ListEntries {
  /** Each once. */
  keys: Uint8Array[];
  /** Of one byte, beside the keys. */
  values: Uint8Array[];
}

/**
 * Reads the values of a list parameter: a text with commas, or a text for each of them, which may then contain commas.
 * Integers may be ranges: `8000-8010`. {@link EVERYTHING}, alone, empties the list; nothing at all is refused, since it
 * comes from a variable without a value more often than from someone who wants to see everything.
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
  const texts = itemsOf(param, value, from);
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
function itemsOf(
  param: ParamDescription,
  value: string | readonly string[],
  from?: string,
): readonly string[] {
  const whole = typeof value === 'string' ? value.trim() : undefined;
  if (whole === '' || value.length === 0) throw nothingSaid(param, from);
  if (whole === undefined) return value.length === 1 && value[0] === EVERYTHING ? [] : (value as string[]);
  return whole === EVERYTHING || whole === param.list!.none
    ? []
    : whole.split(',').map((item) => item.trim());
}

function nothingSaid({ name, type, takes }: ParamDescription, from?: string): ProbeError {
  const start = from === undefined ? '' : `${from}: `;
  return new ProbeError(
    'SKEP_PARAM_INVALID',
    `${start}No value is given for the parameter "${name}" (${type}).`,
    {
      hint: `It takes ${takes}. Leave it out, or write ${EVERYTHING}, to narrow by nothing.`,
    },
  );
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
