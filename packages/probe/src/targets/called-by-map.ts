import type { Elf } from '@skep/bpf';

/** Whether a map of programs names it in the source (a prog_array's `.values`): others jump to it, and it is not attached. */
export function calledByMap(elf: Elf, program: string): boolean {
  const maps = elf.section('.maps');
  if (!maps) return false;
  return elf.relocations(maps).some(({ symbol }) => symbol.type === 'func' && symbol.name === program);
}
