import { NOT_UNDERSTOOD } from './itanium/cursor.ts';
import { NameParser } from './itanium/names.ts';

/**
 * The name of a C++ function out of its mangled form, without its parameters; undefined for what is not understood
 * (expressions in template arguments that are more than a number, a name or an address).
 *
 * Source: Itanium C++ ABI, 5.1 External Names.
 */
export function demangleItanium(mangled: string): string | undefined {
  const end = mangled.search(/[.@]/);
  const body = end < 0 ? mangled : mangled.slice(0, end);
  try {
    const parser = new NameParser(body.slice(body.indexOf('_Z') + 2));
    const name = parser.special() ?? parser.name();
    return name + clone(end < 0 ? '' : mangled.slice(end));
  } catch (error) {
    if (error === NOT_UNDERSTOOD) return undefined;
    throw error;
  }
}

/** `.cold`, `.isra.0`: the compiler's clone of a function. */
function clone(suffix: string): string {
  return suffix === '' || suffix.startsWith('@') ? '' : ` [clone ${suffix}]`;
}
