import type { Btf } from '../btf/btf.ts';
import type { Elf } from '../elf/elf.ts';

/** A global variable of an object, in `.rodata`, `.data`, `.bss` or a section named after them. */
export interface GlobalVariable {
  readonly name: string;
  readonly section: string;
  /** In the object's {@link Btf}. */
  readonly typeId: number;
  /** Bytes from the start of the section. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** In read-only data: fixed once the object is loaded. A `const volatile` is a parameter. */
  readonly const: boolean;
  /** What the compiler put there. */
  readonly initial: Uint8Array;
}

const dataSection = /^\.(rodata|data|bss)(\.|$)/;

/** The global variables of an object, from its BTF data sections, in the order of declaration. */
export function globalVariables(btf: Btf, elf: Elf): GlobalVariable[] {
  const out: GlobalVariable[] = [];
  for (const section of elf.sections) {
    if (!dataSection.test(section.name)) continue;
    const type = btf.find(section.name, 'datasec');
    if (type?.kind !== 'datasec') continue; // such as string literals in .rodata.str1.1
    for (const v of type.variables) {
      const initial = new Uint8Array(v.size);
      // .bss has no bytes in the file: zeros
      initial.set(section.data.subarray(v.offset, v.offset + v.size));
      out.push({
        name: btf.type(v.type).name,
        section: section.name,
        typeId: typeOf(btf, v.type),
        offset: v.offset,
        size: v.size,
        const: section.name.startsWith('.rodata'),
        initial,
      });
    }
  }
  return out;
}

function typeOf(btf: Btf, variable: number): number {
  const t = btf.type(variable);
  return t.kind === 'var' ? t.type : 0;
}
