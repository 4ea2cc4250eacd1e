import { type Btf, type Elf, type KernelFacts, mapDefinitions, mapTypes, type Verdict } from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import { mapsUsed } from '../hooks/uses.ts';
import { maySleep } from './kernel-type.ts';

/** Which maps programs that may sleep may use, with the version that let them (check_map_prog_compatibility() of kernel/bpf/verifier.c). */
const since: Readonly<Record<string, readonly [major: number, minor: number]>> = {
  hash: [5, 10],
  lru_hash: [5, 10],
  array: [5, 10],
  ringbuf: [5, 12],
  percpu_hash: [5, 13],
  percpu_array: [5, 13],
  lru_percpu_hash: [5, 13],
  array_of_maps: [5, 13],
  hash_of_maps: [5, 13],
  inode_storage: [5, 17],
  sk_storage: [5, 17],
  task_storage: [5, 17],
  user_ringbuf: [6, 1],
  cgrp_storage: [6, 2],
  arena: [6, 9],
  queue: [6, 12],
  stack: [6, 12],
};

/**
 * The memory of most maps may go while a program waits. The verifier looks at all maps that a program names, whether its
 * code is dead or not.
 */
export function sleepableMapVerdict(
  elf: Elf,
  btf: Btf,
  program: ProgramDescription,
  { version: [major, minor] }: KernelFacts,
): Verdict | undefined {
  if (!maySleep(program)) return undefined;
  const used = mapsUsed(elf, [program.name]).get(program.name);
  for (const { name, type: number } of mapDefinitions(btf, elf)) {
    const type = mapTypes[number];
    if (type === undefined || !used?.has(name)) continue;
    const from = Object.hasOwn(since, type) ? since[type]! : undefined;
    if (from && (major > from[0] || (major === from[0] && minor >= from[1]))) continue;
    const reason = `"${name}" is a ${type}, which is not for programs that may sleep`;
    // What came with a version, a distribution may have brought to an older one; of later ones than 6.x nobody knows yet.
    return { state: !from && major > 0 && major < 7 ? 'refused' : 'unknown', reason };
  }
  return undefined;
}
