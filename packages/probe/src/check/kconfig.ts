import type { Btf } from '@skep/bpf';

/** What libbpf fills a kconfig extern with, by its type (find_kcfg_type of libbpf.c). */
export type Held =
  | 'bool'
  | 'char'
  | 'tristate'
  | 'string'
  | { readonly bits: number; readonly signed: boolean };

/** Which of these an extern's type is; undefined for one that libbpf does not fill. */
export function heldBy(btf: Btf, typeId: number): Held | undefined {
  const type = btf.resolve(typeId);
  switch (type.kind) {
    case 'int':
      if (type.bool) return type.size === 1 ? 'bool' : undefined;
      return type.size === 1 ? 'char' : { bits: type.size * 8, signed: type.signed };
    case 'enum':
      return type.name === 'libbpf_tristate' ? 'tristate' : undefined;
    case 'array':
      return heldBy(btf, type.element) === 'char' ? 'string' : undefined;
    default:
      return undefined;
  }
}

/**
 * Why libbpf refuses to fill in an option: its value is not of the extern's type. It gives up the whole object then, also
 * when the extern is weak. Undefined when nothing is wrong, as far as it is known.
 *
 * @param text the value in the kernel's configuration: `y`, `250`, `"(none)"`
 */
export function kconfigMisfit(btf: Btf, name: string, typeId: number, text: string): string | undefined {
  const held = heldBy(btf, typeId);
  if (held === undefined) return undefined;
  const wrong = (valid: string) => `${name} is ${text} here, and the object takes it for ${valid}`;
  if (/^[ymn]$/.test(text)) {
    if (held === 'tristate' || held === 'char') return undefined;
    if (held === 'bool') return text === 'm' ? wrong('a bool') : undefined;
    return wrong(held === 'string' ? 'a string' : 'a number');
  }
  if (text.startsWith('"')) return held === 'string' ? undefined : wrong(named(held));
  if (!/^-?(0x[0-9a-f]+|\d+)$/i.test(text)) return undefined;
  if (held === 'bool' || held === 'tristate' || held === 'string') return wrong(named(held));
  if (held === 'char') return undefined;
  const value = text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
  const fits = held.signed ? BigInt.asIntN(held.bits, value) : BigInt.asUintN(held.bits, value);
  return fits === value ? undefined : wrong(`a number of ${held.bits} bits`);
}

function named(held: Held): string {
  if (held === 'string') return 'a string';
  return held === 'bool' ? 'a bool' : held === 'tristate' ? 'y, m or n' : 'a number';
}
