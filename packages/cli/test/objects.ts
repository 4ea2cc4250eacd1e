import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

/**
 * A probe on what a test can do exactly as often as it wants, `process.umask(0o22)`, with a parameter, a counter and
 * an event stream, on a hook that every kernel has. Without a process to watch it sees nothing.
 */
export const source = `#include "skep.h"
#ifdef __TARGET_ARCH_x86
#define UMASK 95
#else
#define UMASK 166
#endif
SKEP_PARAM(__u32, target_pid, 0, "only this process");
struct event { __u32 pid; char comm[16]; __u64 calls; };
struct who { __u32 pid; };
SKEP_RINGBUF(print_events, struct event, 64 * 1024) SKEP_HELP("one row a call of umask");
SKEP_HASH(counter_calls, struct who, __u64, 64) SKEP_HELP("Calls of umask.");
SEC("raw_tp/sys_enter")
int on_enter(struct bpf_raw_tracepoint_args *ctx)
{
	if (ctx->args[1] != UMASK)
		return 0;
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	if (!target_pid || pid != target_pid)
		return 0;
	struct who who = { pid };
	__u64 one = 1, *calls = bpf_map_lookup_elem(&counter_calls, &who);
	if (calls)
		__sync_fetch_and_add(calls, 1);
	else
		bpf_map_update_elem(&counter_calls, &who, &one, BPF_ANY);
	struct event *e = bpf_ringbuf_reserve(&print_events, sizeof(*e), 0);
	if (!e)
		return 0;
	e->pid = pid;
	e->calls = calls ? *calls : 1;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
	return 0;
}
char LICENSE[] SEC("license") = "Dual BSD/GPL";
`;

/** Objects that no probe is, each wrong in one way. */
export function badObjects(dir: string, good: Uint8Array): Record<string, string> {
  const path = (name: string) => `${dir}/${name}.o`;
  const plain = `${dir}/plain.c`;
  writeFileSync(plain, 'int answer(void) { return 42; }\n');
  const clang = (name: string, ...args: string[]) =>
    execFileSync('clang', [...args, '-c', plain, '-o', path(name)]);
  clang('big-endian', '-target', 'bpfeb', '-g');
  clang('no-btf', '-target', 'bpf');
  clang('other-machine', '-target', 'x86_64-linux-gnu');
  writeFileSync(path('text'), 'int main() {}\n');
  writeFileSync(path('empty'), '');
  writeFileSync(path('truncated'), good.subarray(0, Math.floor(good.length / 2)));
  const names = ['big-endian', 'no-btf', 'other-machine', 'text', 'empty', 'truncated'];
  return Object.fromEntries(names.map((name) => [name, path(name)]));
}

/** The bytes of a file. */
export function bytesOf(path: string): Uint8Array {
  return readFileSync(path);
}
