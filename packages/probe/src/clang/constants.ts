import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Elf } from '@skep/bpf';
import type { RunResult } from './run.ts';

const SHF_MERGE = 0x10;

/**
 * Whether the compiler has put a constant of the program (`static const __u32 table[4]`) among those that a linker may
 * merge, `.rodata.cst16` or `.rodata.str4.4`, which it does with small ones whose address nobody takes. BTF of clang 15
 * and before says `.rodata` of them all the same, which libbpf refuses (ENOENT).
 */
export function hasMergeableConstants(elf: Elf): boolean {
  return elf.symbols.some(
    (s) => s.type === 'object' && s.name !== '' && ((elf.sections[s.section]?.flags ?? 0) & SHF_MERGE) !== 0,
  );
}

/**
 * Compiles once more, by way of LLVM's intermediate code, in which `unnamed_addr` is what allows a constant to be merged;
 * without it, it stays in `.rodata`. No flag of clang's does that. Nothing is optimised a second time, so the program is
 * the same.
 *
 * @param run the compiler, with other arguments
 * @param args those of the first time
 * @param dir where it runs
 * @returns the object, or undefined when the compiler does not go along
 */
export async function withoutMergeableConstants(
  run: (args: readonly string[]) => Promise<RunResult>,
  args: readonly string[],
  dir: string,
): Promise<Uint8Array | undefined> {
  const toCode = [...args.slice(0, -1), 'out.ll', '-S', '-emit-llvm'].filter((a) => a !== '-c');
  if ((await run(toCode)).status !== 0) return undefined;
  const code = await readFile(join(dir, 'out.ll'), 'utf8');
  const named = /^(@[^\n=]+ = internal )(?:local_)?unnamed_addr (constant )/gm;
  await writeFile(join(dir, 'out.ll'), code.replace(named, '$1$2'));
  const options = args.filter((a) => /^(-target|bpf|-m.*|-O.*|-fno-addrsig|-fno-ident|-fdebug-.*)$/.test(a));
  const toObject = [...options, '-Xclang', '-disable-llvm-passes', '-c', 'out.ll', '-o', 'out.o'];
  if ((await run(toObject)).status !== 0) return undefined;
  return readFile(join(dir, 'out.o'));
}
