import { existsSync, readFileSync } from 'node:fs';
import { tracefs } from '../kernel/filesystems.ts';
import type { KernelFunctions } from './types.ts';

/** Texts of the kernel that list its functions; undefined where this process may not read them. */
interface Lists {
  /** `address type name [module]` a line: /proc/kallsyms. */
  symbols?: string;
  /** `name [module]` a line: available_filter_functions of tracefs. */
  traceable?: string;
  /** `address-address name` a line, tab between: kprobes/blacklist of debugfs. */
  blacklist?: string;
}

const BLACKLIST = '/sys/kernel/debug/kprobes/blacklist';

/** /proc/kallsyms, 10 MB of text; undefined where this process may not read it. */
export function runningSymbols(): string | undefined {
  return read('/proc/kallsyms');
}

/** Whether symbols, in the form of /proc/kallsyms, have a name, be it a function's or that of data. */
export function hasSymbol(symbols: string, name: string): boolean | undefined {
  if (hasLine(symbols, ' ', name, '\t')) return true;
  // A kernel built with LTO adds to names, which some versions of libbpf see through.
  return symbols.includes(` ${name}.llvm.`) ? undefined : false;
}

/** The functions among these symbols; each other list, 2 to 5 MB of text, is read at once. */
export function runningFunctions(symbols: string | undefined): KernelFunctions | undefined {
  if (!symbols) return undefined;
  const where = tracefs();
  return kernelFunctions({
    symbols,
    traceable: where && read(`${where}/available_filter_functions`),
    blacklist: read(BLACKLIST),
  });
}

/** What the lists say; exported for tests, and for lists that are kept as data. */
export function kernelFunctions({ symbols = '', traceable, blacklist }: Lists): KernelFunctions {
  return {
    look(name) {
      const { count } = countOf(symbols, name);
      if (count === 0) return symbols === '' ? 'unknown' : 'absent';
      if (blacklist && hasLine(blacklist, '\t', name)) return 'untraceable';
      if (!traceable) return 'unknown';
      return hasLine(`\n${traceable}`, '\n', name) ? 'traceable' : 'untraceable';
    },
    variants: (name) => variantsOf(symbols, name),
    symbol(name) {
      const { count, local } = countOf(symbols, name);
      return count === 0 ? undefined : { count, static: local === count };
    },
  };
}

function read(path: string): string | undefined {
  try {
    return existsSync(path) ? readFileSync(path, 'latin1') || undefined : undefined;
  } catch (e) {
    // Lockdown lets not even root read some of them.
    if (['EACCES', 'EPERM', 'ENODEV'].includes((e as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw e;
  }
}

/** Code symbols (t: local to its file, T and weak W: global) of exactly that name. */
function countOf(symbols: string, name: string): { count: number; local: number } {
  let count = 0;
  let local = 0;
  for (let at = symbols.indexOf(` ${name}`); at >= 0; at = symbols.indexOf(` ${name}`, at + 1)) {
    const end = symbols[at + name.length + 1];
    if (end !== '\n' && end !== '\t' && end !== undefined) continue;
    const type = symbols[at - 1] ?? '';
    if (!/[tTwW]/.test(type)) continue;
    count++;
    if (type === 't') local++;
  }
  return { count, local };
}

function variantsOf(symbols: string, name: string): string[] {
  const found = new Set<string>();
  const start = ` ${name}.`;
  for (let at = symbols.indexOf(start); at >= 0; at = symbols.indexOf(start, at + 1)) {
    if (/[tT]/.test(symbols[at - 1] ?? '')) found.add(/^[^\s]+/.exec(symbols.slice(at + 1, at + 200))![0]);
  }
  return [...found].sort();
}

function hasLine(text: string, before: string, name: string, behind = ' '): boolean {
  for (let at = text.indexOf(before + name); at >= 0; at = text.indexOf(before + name, at + 1)) {
    const end = text[at + name.length + 1];
    if (end === '\n' || end === behind || end === undefined) return true;
  }
  return false;
}
