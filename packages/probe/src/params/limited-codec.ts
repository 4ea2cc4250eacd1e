import type { Btf } from '@skep/bpf';
import type { ParamDescription } from '../describe/types.ts';
import { codecFor, type ParamCodec } from './codec.ts';
import { withRange } from './range.ts';

/** The codec of a parameter, or of a list's values, within its range; undefined when no text can spell a value. */
export function limitedCodec(
  btf: Btf,
  { typeId, range }: Pick<ParamDescription, 'typeId' | 'range'>,
): ParamCodec | undefined {
  const codec = codecFor(btf, typeId);
  return codec && range !== undefined ? withRange(codec.anyNumber ?? codec, range) : codec;
}
