import type { Btf, Elf } from '@skep/bpf';
import { CodeReader } from '../effects/code.ts';

const readers = new WeakMap<Elf, CodeReader>();

/** The functions of an object that is checked, each read once for all kernels and all that is asked of it. */
export function readCode(elf: Elf, btf: Btf): CodeReader {
  const reader = readers.get(elf) ?? new CodeReader(elf, btf);
  readers.set(elf, reader);
  return reader;
}
