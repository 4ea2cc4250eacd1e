/** Programs that are the same to the verifier are loaded once, and each is attached where it goes. */
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { compiled } from '../../../test/support/compiled.ts';
import { startRun } from '../src/index.ts';

const skip = process.getuid?.() === 0 ? false : 'loads BPF: needs root';

/** Counts calls of this process by system calls that nobody else makes here; `more` programs behind them. */
const source = (...more: readonly string[]) => `#include "skep.h"
SKEP_PARAM(__u32, only, 0, "process");
SKEP_HASH(counter_calls, __u32, __u64, 16);
static __always_inline int count(__u32 key)
{
	if (bpf_get_current_pid_tgid() >> 32 == only)
		skep_add(&counter_calls, &key, 1);
	return 0;
}
${more.join('\n')}
char LICENSE[] SEC("license") = "GPL";
`;
const program = (name: string, event: string, key = 1) =>
  `SEC("tracepoint/syscalls/sys_enter_${event}") int ${name}(void *ctx) { return count(${key}); }`;

async function counted(code: string, attach: string[] = []) {
  const bytes = await compiled(code);
  const objects = [{ name: 'calls.o', bytes }];
  const run = await startRun({
    name: 'calls',
    objects,
    params: { only: String(process.pid) },
    attach,
    sinks: [],
  });
  for (let i = 0; i < 5; i++) process.getuid?.();
  for (let i = 0; i < 7; i++) process.geteuid?.();
  const { programs } = await run.stop();
  return {
    counts: [...run.series].map((s) => Number(s.value)),
    programs: programs.map((p) => [p.name, p.also]),
  };
}

test('two of a kind are one program on two hooks, and its numbers are of both', { skip }, async () => {
  const { counts, programs } = await counted(
    source(program('real', 'getuid'), program('effective', 'geteuid')),
  );
  deepStrictEqual(counts, [12]);
  deepStrictEqual(programs, [['real', ['tracepoint/syscalls/sys_enter_geteuid']]]);
});

test('what differs, or goes to one hook, stays apart', { skip }, async () => {
  const differing = await counted(source(program('real', 'getuid'), program('effective', 'geteuid', 2)));
  deepStrictEqual(differing.counts.sort(), [5, 7]);
  strictEqual(differing.programs.length, 2);
  const twice = await counted(source(program('real', 'getuid'), program('again', 'getuid')));
  deepStrictEqual([twice.counts, twice.programs.length], [[10], 2]);
  const sent = await counted(source(program('real', 'getuid'), program('effective', 'geteuid')), [
    'effective=syscalls:sys_enter_getuid',
  ]);
  deepStrictEqual([sent.counts, sent.programs.length], [[10], 2]);
});
