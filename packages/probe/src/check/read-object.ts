import { BpfError, BpfObject, type Btf, type Elf, parseObject, type Verdict } from '@skep/bpf';
import { describeObject } from '../describe/describe.ts';
import type { ParamDescription, ProgramDescription } from '../describe/types.ts';

/** An object as it is before any kernel is asked. */
export interface ReadObject {
  readonly elf: Elf;
  readonly btf: Btf;
  readonly described: readonly ProgramDescription[];
  readonly params: readonly ParamDescription[];
  /** What libbpf finds wrong with it on any kernel. */
  readonly unreadable: Verdict | undefined;
  /** Programs whose section says to libbpf no kind of program. */
  readonly untyped: ReadonlySet<string>;
}

/** An object is read once for all kernels that it is checked against. */
const objects = new WeakMap<Uint8Array, ReadObject>();

/** Reads an object for {@link checkObject}. */
export function readObject(bytes: Uint8Array, name: string): ReadObject {
  const known = objects.get(bytes);
  if (known) return known;
  const { programs: described, params } = describeObject(bytes, name);
  const object = { ...parseObject(bytes, name), described, params, ...opened(bytes, name) };
  objects.set(bytes, object);
  return object;
}

/** What libbpf cannot read, no kernel gets to see; it says so when the object is opened. */
function opened(bytes: Uint8Array, name: string): Pick<ReadObject, 'unreadable' | 'untyped'> {
  try {
    using object = BpfObject.open(bytes, { name });
    const untyped = new Set(object.programs.flatMap((p) => (p.typed ? [] : [p.name])));
    return { unreadable: undefined, untyped };
  } catch (e) {
    if (!(e instanceof BpfError) || e.code !== 'SKEP_LOAD') throw e;
    return { unreadable: { state: 'refused', reason: e.message, hint: e.hint }, untyped: new Set() };
  }
}
