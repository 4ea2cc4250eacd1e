// What becomes of whole objects on kernels of the matrix. That it is so there, test/check holds.
import { match, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { storedKernel, type Verdict } from '@skep/bpf';
import { checkObject } from '../src/index.ts';
import { build } from './support.ts';

async function verdictOf(source: string, kernel: string): Promise<Verdict> {
  return checkObject(await build(source), 'probe.o', storedKernel(kernel)!).verdict;
}

const nothing = 'SEC("raw_tp/sched_process_exit") int p(void *ctx) { return 0; }';

for (const [what, source, kernel, state, text] of [
  [
    'a table of functions that the kernel has not',
    `struct skep_no_ops { int (*f)(void); };
     SEC("struct_ops/f") int f(void *ctx) { return 0; }
     SEC(".struct_ops") struct skep_no_ops ops = { .f = (void *)f };`,
    '6.12',
    'refused',
    /stand in for a struct skep_no_ops/,
  ],
  [
    'a map whose memory cannot be set aside',
    `struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(max_entries, 1); __type(key, __u64); __type(value, __u64); } m SEC(".maps");
     ${nothing}`,
    '6.1',
    'refused',
    /"m" .* lpm_trie needs BPF_F_NO_PREALLOC/,
  ],
  [
    'an option of another type, also a weak one',
    `extern _Bool CONFIG_HZ __kconfig __weak;
     SEC("raw_tp/sched_process_exit") int p(void *ctx) { return CONFIG_HZ; }`,
    '6.1',
    'refused',
    /CONFIG_HZ is 250 here, and the object takes it for a bool/,
  ],
  [
    'an option that is too big for its place',
    `extern unsigned short CONFIG_SKEP __kconfig __weak; extern unsigned int CONFIG_HZ __kconfig;
     SEC("raw_tp/sched_process_exit") int p(void *ctx) { return CONFIG_HZ + CONFIG_SKEP; }`,
    '6.1',
    'runs',
  ],
  [
    'a program of a cgroup of one of its five types',
    'SEC("cgroup/connect4") int p(void *ctx) { return 1; }',
    '5.10',
    'runs',
  ],
  [
    'a return value that only some ways lead to',
    'SEC("fentry/vfs_read") int p(void *ctx) { return bpf_get_current_pid_tgid() == 5; }',
    '6.1',
    'unknown',
    /it may return 1, and only 0 is allowed for fentry/,
  ],
  [
    'a hook of 7.2 with one argument more, where the program takes the fourth for what was returned before',
    'SEC("lsm/bpf") int p(__u64 *ctx) { int ret = ctx[3]; return ret ? ret : -1; }',
    '7.2',
    'unknown',
    /0 or an error/,
  ],
  [
    'the same where it is what was returned before',
    'SEC("lsm/bpf") int p(__u64 *ctx) { int ret = ctx[3]; return ret ? ret : -1; }',
    '6.12',
    'runs',
  ],
  [
    'security modules of which BPF is not one as the kernel is configured',
    'SEC("lsm/file_open") int p(void *ctx) { return 0; }',
    '5.10',
    'refused',
    /runs no LSM programs/,
  ],
  [
    'a timer in a map of a kprobe',
    `struct value { struct bpf_timer timer; };
     struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct value); } m SEC(".maps");
     SEC("kprobe/vfs_read") int p(void *ctx) { __u32 k = 0; return bpf_map_lookup_elem(&m, &k) != 0; }`,
    '6.1',
    'refused',
    /"m" have a bpf_timer, which is not for kprobe programs/,
  ],
  [
    'a hash that grows, and programs that may interrupt the allocator',
    `struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 8); __type(key, __u32); __type(value, __u64); } m SEC(".maps");
     SEC("perf_event") int p(void *ctx) { __u32 k = 0; return bpf_map_lookup_elem(&m, &k) != 0; }`,
    '5.10',
    'unknown',
    /"m", which is not allocated beforehand/,
  ],
  [
    'a function of the kernel that is not for programs, where its types tell',
    `extern int vfs_fsync(struct file *file, int datasync) __ksym;
     SEC("fentry/vfs_read") int p(__u64 *ctx) { vfs_fsync((void *)ctx[0], 0); return 0; }`,
    '7.2',
    'refused',
    /has vfs_fsync, but not for programs/,
  ],
] as const) {
  test(`on ${kernel}: ${what}`, async () => {
    const verdict = await verdictOf(source, kernel);
    strictEqual(verdict.state, state, JSON.stringify(verdict));
    if (text) match(verdict.state === 'runs' ? '' : verdict.reason, text);
  });
}
