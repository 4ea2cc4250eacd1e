import { demangleItanium } from './demangle-itanium.ts';
import { demangleRust } from './demangle-rust.ts';

/** Longer names are left as they are: they would be cut wherever they are shown. */
const MAX_NAME = 8192;

/**
 * A function's name as its language has it, without parameters: `_ZN3foo3barEi` is `foo::bar`, `_RNvC5alloc4main` is
 * `alloc::main`. What compilers add to a name (`foo.cold`, `foo.isra.0`) stays, in brackets. What is not understood stays
 * as it was.
 */
export function demangle(name: string): string {
  if (name.length > MAX_NAME) return name;
  if (name.startsWith('_R')) return demangleRust(name) ?? name;
  if (!/^_?_Z/.test(name)) return name;
  return legacyRust(name) ?? demangleItanium(name) ?? name;
}

/** Rust before 2025 wrote names as C++ does, with a hash at the end and its own escapes. */
function legacyRust(name: string): string | undefined {
  const parts = /^_ZN(.*)17h[0-9a-f]{16}E(.*)$/.exec(name);
  if (!parts) return undefined;
  const path: string[] = [];
  let rest = parts[1]!;
  while (rest !== '') {
    const digits = /^[1-9]\d*/.exec(rest)?.[0];
    if (digits === undefined || rest.length < digits.length + Number(digits)) return undefined;
    path.push(legacyWord(rest.slice(digits.length, digits.length + Number(digits))));
    rest = rest.slice(digits.length + Number(digits));
  }
  return path.length === 0 ? undefined : path.join('::');
}

const ESCAPES: Readonly<Record<string, string>> = {
  SP: '@',
  BP: '*',
  RF: '&',
  LT: '<',
  GT: '>',
  LP: '(',
  RP: ')',
  C: ',',
};

function legacyWord(word: string): string {
  const text = word.startsWith('_$') ? word.slice(1) : word;
  return text
    .replace(/\$(u[0-9a-f]+|[A-Z]+)\$/g, (all, code: string) => {
      if (!code.startsWith('u')) return ESCAPES[code] ?? all;
      const point = Number.parseInt(code.slice(1), 16);
      return point >= 0x20 && point <= 0x10ffff ? String.fromCodePoint(point) : all;
    })
    .replaceAll('..', '::');
}
