import { readFileSync } from 'node:fs';
import { lastUpTo, orderOf } from './order.ts';

/** Functions are smaller; an address further from the nearest symbol lies in memory that no symbol is of. */
const MAX_FUNCTION = 1 << 20;
const NEWLINE = 0x0a;
const SPACE = 0x20;

/** A kernel function that holds an address. */
export interface KernelFunction {
  readonly name: string;
  /** `[nf_tables]`, `[bpf]`; undefined for the kernel's own. */
  readonly module?: string;
  readonly offset: number;
}

/**
 * The kernel's functions by address, from the text of /proc/kallsyms. The text is kept and names are cut out of it
 * when they are asked for: 12 bytes a function on top.
 */
export class KernelSymbols {
  readonly #text: Buffer;
  /** The lower 48 bits, which are exact in a double: the upper ones are all ones. */
  readonly #addresses: Float64Array;
  /** Where a symbol's name begins in the text. */
  readonly #names: Uint32Array;
  /** There are symbols, and the kernel shows no address of them: kernel.kptr_restrict, or no CAP_SYSLOG. */
  readonly hidden: boolean;

  constructor(text: Buffer) {
    const found = readLines(text);
    const order = orderOf(found.addresses);
    this.#text = text;
    this.#addresses = Float64Array.from(order, (i) => found.addresses[i]!);
    this.#names = Uint32Array.from(order, (i) => found.names[i]!);
    this.hidden = found.addresses.length === 0 && text.length > 0;
  }

  /** Of the running kernel; empty where /proc/kallsyms cannot be read. */
  static running(): KernelSymbols {
    try {
      return new KernelSymbols(readFileSync('/proc/kallsyms'));
    } catch {
      // No /proc, or it is masked: addresses stay numbers.
      return new KernelSymbols(Buffer.alloc(0));
    }
  }

  get size(): number {
    return this.#addresses.length;
  }

  /** The function whose code the address is in, or the nearest below it. */
  find(address: bigint): KernelFunction | undefined {
    if (address >> 48n !== 0xffffn) return undefined;
    const addresses = this.#addresses;
    const wanted = Number(address & 0xffff_ffff_ffffn);
    let at = lastUpTo(addresses, wanted);
    if (at < 0) return undefined;
    // Of several names for one address the first of the file.
    while (at > 0 && addresses[at - 1] === addresses[at]) at--;
    const offset = wanted - addresses[at]!;
    if (offset >= MAX_FUNCTION) return undefined;
    const { name, module } = this.#name(this.#names[at]!);
    return END_MARKS.has(name) ? undefined : { name, module, offset };
  }

  #name(start: number): { name: string; module?: string } {
    const newline = this.#text.indexOf(NEWLINE, start);
    const line = this.#text.toString('latin1', start, newline < 0 ? this.#text.length : newline);
    const tab = line.indexOf('\t');
    return tab < 0 ? { name: line } : { name: line.slice(0, tab), module: line.slice(tab + 1) };
  }
}

/** Where the kernel's code ends: what follows is in no function. */
const END_MARKS: ReadonlySet<string> = new Set(['_etext', '_einittext', '__init_end']);

/** `ffffffff81000000 T name\t[module]`: functions only (t, T, w, W). */
function readLines(text: Buffer): { addresses: number[]; names: number[] } {
  const addresses: number[] = [];
  const names: number[] = [];
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf(NEWLINE, at);
    const end = newline < 0 ? text.length : newline;
    // Lower case: T and W as well.
    const kind = text[at + 17]! | 0x20;
    if (at + 20 <= end && text[at + 16] === SPACE && (kind === 0x74 || kind === 0x77)) {
      const address = lower48(text, at);
      if (address > 0) {
        addresses.push(address);
        names.push(at + 19);
      }
    }
    at = end + 1;
  }
  return { addresses, names };
}

/** Of sixteen hexadecimal digits the last twelve; 0 where the first four are not all ones. */
function lower48(text: Buffer, from: number): number {
  let value = 0;
  for (let i = 0; i < 16; i++) {
    const code = text[from + i]!;
    const digit = code <= 0x39 ? code - 0x30 : code - 0x57;
    if (digit < 0 || digit > 15 || (i < 4 && digit !== 15)) return 0;
    if (i >= 4) value = value * 16 + digit;
  }
  return value;
}
