import { tracefs } from '../kernel/filesystems.ts';
import { kernelList } from '../kernel/lists.ts';
import { globRegExp } from '../kernel/traceable.ts';
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

const DEBUGFS = '/sys/kernel/debug';
const BLACKLIST = 'kprobes/blacklist';

/** /proc/kallsyms, 10 MB of text; undefined where this process may not read it. */
export function runningSymbols(): string | undefined {
  return kernelList('/proc/kallsyms');
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
    traceable: where && kernelList(`${where}/available_filter_functions`),
    // Distributions mount it, small machines and containers do not.
    blacklist: kernelList(`${DEBUGFS}/${BLACKLIST}`, { type: 'debugfs', file: BLACKLIST }),
  });
}

/** What the lists say; exported for tests, and for lists that are kept as data. */
export function kernelFunctions({ symbols = '', traceable, blacklist }: Lists): KernelFunctions {
  const lists = (name: string) => hasLine(`\n${traceable}`, '\n', name);
  const alias = (name: string) => (lists(name) ? undefined : namesakes(symbols, name).find(lists));
  return {
    look(name, by = 'kprobe') {
      const { count } = countOf(symbols, name);
      if (count === 0) return symbols === '' ? 'unknown' : 'absent';
      if (by === 'kprobe' && blacklist && hasLine(blacklist, '\t', name)) return 'untraceable';
      if (!traceable) return 'unknown';
      return lists(name) || alias(name) !== undefined ? 'traceable' : 'untraceable';
    },
    alias,
    anyTraceable(pattern) {
      const fits = globRegExp(pattern);
      if (traceable) return someLine(traceable, (line) => !/\s/.test(line) && fits.test(line));
      // Of those that are there not all can be traced.
      const there = (line: string) => !line.includes('[') && fits.test(line.replace(/^\S+ [tTwW] /, ''));
      return someLine(symbols, there) ? undefined : false;
    },
    variants: (name) => variantsOf(symbols, name),
    symbol(name) {
      const { count, local } = countOf(symbols, name);
      return count === 0 ? undefined : { count, static: local === count };
    },
  };
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

/** Where a code symbol is, as the text says it; undefined without privileges, when all addresses are 0. */
function addressOf(symbols: string, name: string): string | undefined {
  for (let at = symbols.indexOf(` ${name}`); at >= 0; at = symbols.indexOf(` ${name}`, at + 1)) {
    const end = symbols[at + name.length + 1];
    if ((end !== '\n' && end !== undefined) || !/[tTwW]/.test(symbols[at - 1] ?? '')) continue;
    const address = symbols.slice(symbols.lastIndexOf('\n', at) + 1, at - 2);
    return /[^0]/.test(address) ? address : undefined;
  }
  return undefined;
}

/** Other names of a function: their lines begin with the same address. */
function namesakes(symbols: string, name: string): string[] {
  const found: string[] = [];
  const address = addressOf(symbols, name);
  if (address === undefined) return found;
  const text = `\n${symbols}`;
  const start = `\n${address} `;
  for (let at = text.indexOf(start); at >= 0; at = text.indexOf(start, at + 1)) {
    const from = at + start.length;
    const other = /^[tTwW] (\S+)/.exec(text.slice(from, from + 200))?.[1];
    if (other !== undefined && other !== name) found.push(other);
  }
  return found;
}

function variantsOf(symbols: string, name: string): string[] {
  const found = new Set<string>();
  const start = ` ${name}.`;
  for (let at = symbols.indexOf(start); at >= 0; at = symbols.indexOf(start, at + 1)) {
    if (/[tT]/.test(symbols[at - 1] ?? '')) found.add(/^[^\s]+/.exec(symbols.slice(at + 1, at + 200))![0]);
  }
  return [...found].sort();
}

/** Line by line: such a text has up to 200,000 of them, and most patterns fit one of the first. */
function someLine(text: string, wanted: (line: string) => boolean): boolean {
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end < 0 ? text.length : end);
    if (line !== '' && wanted(line)) return true;
    if (end < 0) break;
    at = end + 1;
  }
  return false;
}

function hasLine(text: string, before: string, name: string, behind = ' '): boolean {
  for (let at = text.indexOf(before + name); at >= 0; at = text.indexOf(before + name, at + 1)) {
    const end = text[at + name.length + 1];
    if (end === '\n' || end === behind || end === undefined) return true;
  }
  return false;
}
