import type { Btf, FormatSpec, Value } from '@skep/bpf';

/**
 * How an enum is shown whose enumerators are bits: `MS_NOSUID|MS_NODEV`; bits without a name as one hexadecimal number. Of
 * one of eight bytes type information may have the lower half only, where a higher bit is 0: its name is left out then.
 */
export function flagsFormat(btf: Btf, typeId: number): FormatSpec | undefined {
  const type = btf.resolve(typeId);
  if (type.kind !== 'enum' && type.kind !== 'enum64') return undefined;
  const all = BigInt.asUintN(type.size * 8, -1n);
  const bits = type.values
    .map((v) => ({ name: v.name, bit: BigInt(v.value) & all }))
    .filter((b) => b.bit !== 0n);
  const text = (value: Value): string => {
    if (typeof value === 'string') return value; // one alone has been found by the decoder
    const set = BigInt(value as number | bigint) & all;
    const found = bits.filter(({ bit }) => (set & bit) === bit);
    const rest = found.reduce((left, { bit }) => left & ~bit, set);
    return [...found.map((b) => b.name), ...(rest === 0n ? [] : [`0x${rest.toString(16)}`])].join('|');
  };
  return { name: 'flags', text, json: text };
}
