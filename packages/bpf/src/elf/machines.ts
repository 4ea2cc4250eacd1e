/** The one machine this project loads (elf.h: EM_BPF). */
export const EM_BPF = 247;

/** Machines that people compile for by mistake, by e_machine (elf.h), spelled as clang's --target has them. */
const MACHINES: Readonly<Record<number, string>> = {
  0: 'no machine',
  2: 'sparc',
  3: 'i386',
  8: 'mips',
  20: 'powerpc',
  21: 'powerpc64',
  22: 's390x',
  40: 'arm',
  43: 'sparcv9',
  62: 'x86-64',
  183: 'arm64',
  243: 'riscv',
  247: 'bpf',
  258: 'loongarch',
};

/** How a person calls an ELF machine: `"x86-64"`, or `"machine 1234"` when it is none we know. */
export function machineName(machine: number): string {
  return MACHINES[machine] ?? `machine ${machine}`;
}
