import type { ParamCodec } from './codec.ts';

/**
 * The codec with the limits of SKEP_PARAM_RANGE, which takes no value outside of them.
 *
 * @param tag as the macro leaves it: `1..1000`, `1ms..10s`, `0x10ULL..2 * 16` without the blanks of a calculation
 * @returns undefined when the tag's ends are no values of the codec, or in the wrong order
 */
export function withRange(codec: ParamCodec, tag: string): ParamCodec | undefined {
  const ends = tag.split('..').map((end) => read(codec, end.trim()));
  const [least, most] = ends;
  if (ends.length !== 2 || least === undefined || most === undefined || least > most) return undefined;
  const show = (end: number | bigint): string => codec.show(end);
  return {
    ...codec,
    range: `${codec.noun === 'number' ? 'a number' : `a ${codec.noun}`} from ${show(least)} to ${show(most)}`,
    example: inside(codec, codec.example, least, most) ? codec.example : show(least),
    write(text, view, offset) {
      if (!inside(codec, text, least, most)) return false;
      return codec.write(text, view, offset);
    },
  };
}

/** Whether what is read from an object lies in its own range. */
export function takes(codec: ParamCodec, text: string): boolean {
  return codec.write(text, new DataView(new ArrayBuffer(codec.size)), 0);
}

function inside(codec: ParamCodec, text: string, least: number | bigint, most: number | bigint): boolean {
  const value = numberOf(codec, text);
  return value !== undefined && value >= least && value <= most;
}

/** An end of the range: as a user writes it, or as a constant of C. */
function read(codec: ParamCodec, text: string): number | bigint | undefined {
  return numberOf(codec, text) ?? numberOf(codec, text.replace(/[uUlL]+$/, ''));
}

function numberOf(codec: ParamCodec, text: string): number | bigint | undefined {
  const view = new DataView(new ArrayBuffer(codec.size));
  if (!codec.write(text, view, 0)) return undefined;
  const value = codec.number?.(view, 0) ?? codec.read(view, 0);
  return typeof value === 'number' || typeof value === 'bigint' ? value : undefined;
}
