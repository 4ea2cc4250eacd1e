import type { Btf } from '../btf/btf.ts';
import { globRegExp } from '../kernel/traceable.ts';
import type { StoredLists } from './stored.ts';
import type { KernelFunctions } from './types.ts';

const LOCAL = 1;
const TRACEABLE = 2;
const BLACKLISTED = 4;
const SEVERAL = 8;
const NO_SYMBOL = 16;

/**
 * What is known of a function, as a letter (`A` for 0): bit 0: local to its file, bit 1: ftrace lists it, bit 2: kprobes
 * may not be there, bit 3: several have that name, bit 4: no symbol has it.
 */
export function markOf(bits: number): string {
  return String.fromCharCode(65 + bits);
}

/** The functions of a kernel that is kept as data. Looked up one by one: a table of 60,000 names takes 100 ms to make. */
export function storedFunctions(
  btf: Btf,
  { typed, untyped, aliases = {} }: Pick<StoredLists, 'typed' | 'untyped' | 'aliases'>,
  inModules: (name: string) => boolean,
): KernelFunctions {
  const lines = `\n${untyped}\n`;
  let ids: number[] | undefined;
  const markAmong = (name: string): string | undefined => {
    const id = btf.find(name, 'func')?.id;
    if (id === undefined) return untypedMark(lines, name);
    ids ??= btf.ids('func');
    return typed[indexOf(ids, id)];
  };
  const variants = new Map<string, readonly string[]>();
  const found = new Map<string, number | undefined>();
  const bitsOf = (name: string): number | undefined => {
    if (!found.has(name)) found.set(name, readBits(name));
    return found.get(name);
  };
  const readBits = (name: string): number | undefined => {
    const mark = markAmong(name);
    const bits = mark === undefined ? NO_SYMBOL : mark.charCodeAt(0) - 65;
    return (bits & NO_SYMBOL) !== 0 ? undefined : bits;
  };
  const hookable = (bits: number) => (bits & BLACKLISTED) === 0 && (bits & TRACEABLE) !== 0;
  const alias = (name: string): string | undefined =>
    Object.hasOwn(aliases, name) ? aliases[name] : undefined;
  return {
    look(name, by = 'kprobe') {
      const bits = bitsOf(name);
      if (bits === undefined) return inModules(name) ? 'unknown' : 'absent';
      if (by === 'ftrace' && (bits & TRACEABLE) !== 0) return 'traceable';
      const forbidden = by === 'kprobe' && (bits & BLACKLISTED) !== 0;
      return hookable(bits) || (!forbidden && alias(name) !== undefined) ? 'traceable' : 'untraceable';
    },
    alias,
    anyTraceable(pattern) {
      const fits = globRegExp(pattern);
      ids ??= btf.ids('func');
      const listed = (mark: string | undefined) =>
        mark !== undefined && ((mark.charCodeAt(0) - 65) & (NO_SYMBOL | TRACEABLE)) === TRACEABLE;
      if (ids.some((id, i) => listed(typed[i]) && fits.test(btf.nameAt(id)))) return true;
      return untyped.split('\n').some((line) => listed(line.at(-1)) && fits.test(line.slice(0, -1)));
    },
    variants(name) {
      const known = variants.get(name) ?? variantsOf(lines, name);
      variants.set(name, known);
      return known;
    },
    symbol(name) {
      const bits = bitsOf(name);
      return bits === undefined
        ? undefined
        : { static: (bits & LOCAL) !== 0, count: (bits & SEVERAL) !== 0 ? 2 : 1 };
    },
  };
}

/** The letter behind the name, in lines of `name` and letter. */
function untypedMark(lines: string, name: string): string | undefined {
  const start = `\n${name}`;
  for (let at = lines.indexOf(start); at >= 0; at = lines.indexOf(start, at + 1)) {
    const letter = at + start.length;
    if (lines[letter + 1] === '\n') return lines[letter];
  }
  return undefined;
}

/** `foo.isra.0` and its like; the compiler's names have no types. */
function variantsOf(lines: string, name: string): string[] {
  const found: string[] = [];
  if (name === '') return found;
  const start = `\n${name}.`;
  for (let at = lines.indexOf(start); at >= 0; at = lines.indexOf(start, at + 1))
    found.push(lines.slice(at + 1, lines.indexOf('\n', at + 1) - 1));
  return found;
}

/** Where a number stands among ascending ones that have it. */
function indexOf(ascending: readonly number[], wanted: number): number {
  let [low, high] = [0, ascending.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
