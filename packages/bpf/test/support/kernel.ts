import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { BpfObject, ensureTracefs } from '../../src/index.ts';
import { compileBpf } from './clang.ts';

/** clang -target bpf does not look into the multiarch folder for asm/types.h by itself. */
export const sourceFlags = [
  '-g',
  '-target',
  'bpf',
  `-D__TARGET_ARCH_${process.arch === 'arm64' ? 'arm64' : 'x86'}`,
  `-I/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
];

const prelude = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
#ifdef __TARGET_ARCH_arm64
#define SYSCALL(name) "__arm64_sys_" name
#else
#define SYSCALL(name) "__x64_sys_" name
#endif
#define MINE(pid) ((bpf_get_current_pid_tgid() >> 32) == (pid))
`;

/**
 * Compiles C after the usual includes and a GPL licence, and opens it. The text must be the same whatever the processor,
 * as it is compiled on the host for guests too (test/kernels/bin/clang): a syscall's function is `SYSCALL("name")`.
 */
export function openSource(source: string, name = 'test'): BpfObject {
  ensureTracefs();
  return BpfObject.open(compileBpf(prelude + source, sourceFlags).bytes, { name });
}

/** A little-endian integer of 4 or 8 bytes. */
export function u32(n: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(n).buffer);
}

export function u64(n: number | bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(n)).buffer);
}

export function asU64(bytes: Uint8Array | undefined): number {
  if (!bytes) throw new Error('no such entry');
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
}

export function asU32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

/** Calls getpriority(2) `times` times: a syscall that Node has and that hardly anybody else makes. */
export function callGetpriority(times: number): void {
  for (let i = 0; i < times; i++) getPriority(0);
}

/** Program names the kernel has loaded, through a client that is not ours. */
export function loadedPrograms(): string[] {
  const out = execFileSync('bpftool', ['-j', 'prog', 'show'], { encoding: 'utf8' });
  return (JSON.parse(out) as { name?: string }[]).map((p) => p.name ?? '');
}

/** How many file descriptors this process has open. */
export function openFds(): number {
  return readdirSync('/proc/self/fd').length;
}
