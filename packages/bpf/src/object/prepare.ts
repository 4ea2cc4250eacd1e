import { programTypeNumber } from '../kernel/types.ts';
import type { BpfMap } from '../maps/map.ts';
import { type NativeProgram, native, type ObjectHandle } from '../native.ts';

/** Sections of newer libraries that libbpf 1.1 does not know, but whose programs it can load. */
const newerSections: readonly [RegExp, ReturnType<typeof programTypeNumber>][] = [
  [/^\??(tcx?|netkit)\//, programTypeNumber('sched_cls')],
];

/** Gives programs of such sections their type. */
export function prepareProgramTypes(handle: ObjectHandle, programs: readonly NativeProgram[]): void {
  programs.forEach((p, i) => {
    if (p.type !== 0) return;
    const known = newerSections.find(([pattern]) => pattern.test(p.section));
    if (known) native().programConfigure(handle, i, 'type', known[1]);
  });
}

/**
 * Makes map definitions fit the kernel. `__type(value, struct event)` on a ring or perf buffer tells readers
 * what its records are; the kernel wants no key or value there, or four bytes each.
 */
export function prepareMaps(handle: ObjectHandle, maps: readonly BpfMap[]): void {
  maps.forEach((m, i) => {
    const want =
      m.type === 'ringbuf' || m.type === 'user_ringbuf' ? 0 : m.type === 'perf_event_array' ? 4 : undefined;
    if (want === undefined || m.reused) return;
    if (m.keySize !== want) native().mapConfigure(handle, i, 'keySize', want);
    if (m.valueSize !== want) native().mapConfigure(handle, i, 'valueSize', want);
  });
}
