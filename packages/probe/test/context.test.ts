/** Arguments that a program reads of a tracepoint that has fewer: known beforehand, and told by the running kernel. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BpfObject, type KernelFacts } from '@skep/bpf';
import { checkObject } from '../src/index.ts';
import { build } from './support.ts';

const SOURCE = `
const volatile bool second = false;
__u64 sum;
static __attribute__((noinline)) int of(__u64 *ctx, int n) { __sync_fetch_and_add(&sum, ctx[1] + n); return 0; }
static __attribute__((noinline)) int sometimes(__u64 *p) { __sync_fetch_and_add(&sum, p[1]); return 0; }
SEC("tp_btf/sched_process_exit") int first(__u64 *ctx) { sum = ctx[0]; return 0; }
SEC("tp_btf/sched_process_exit") int straight(__u64 *ctx) { sum = ctx[5]; return 0; }
SEC("raw_tp/sched_process_exit") int branches(__u64 *ctx)
{
	bpf_get_current_cgroup_id();
	for (int i = 0; i < 3; i++) {
		if (bpf_ktime_get_ns() & 1) { sum++; continue; }
		sum += ctx[5];
	}
	return 0;
}
SEC("tp_btf/sched_process_exit") int calls(__u64 *ctx) { return of(ctx, 3); }
SEC("tp_btf/sched_process_exit") int both(__u64 *ctx)
{
	__u64 own[2] = { 1, bpf_ktime_get_ns() };
	return sometimes(ctx) + sometimes(own);
}
SEC("tp_btf/sched_process_exit") int dead(__u64 *ctx) { if (second) sum = ctx[1]; return 0; }
SEC("tp_btf/sched_process_exit") int other(__u64 *ctx)
{
	__u64 *local = (void *)bpf_get_current_task();
	sum = (__u64)BPF_CORE_READ((struct task_struct *)local, mm);
	return 0;
}`;

/** A kernel whose tracepoint hands over so many arguments; a pointer that programs do not see comes first. */
const kernel = (given: number): KernelFacts => ({
  name: 'a kernel',
  version: [6, 1, 0],
  architecture: 'x86_64',
  hasType: () => true,
  prototype: () => ['void', 'void *', ...Array(given).fill('int')],
});

test('arguments that a tracepoint has not here are known before anything is loaded', async () => {
  const bytes = await build(SOURCE);
  const said = (given: number) =>
    Object.fromEntries(
      checkObject(bytes, 'c.o', kernel(given), { twins: false }).programs.map((p) => [
        p.name,
        p.verdict.state === 'refused' ? p.verdict.reason : p.verdict.state,
      ]),
    );
  const one = said(1);
  assert.equal(one.first, 'runs');
  assert.equal(one.straight, 'it reads argument 6 of sched_process_exit, which has 1 here');
  assert.equal(one.calls, 'it reads argument 2 of sched_process_exit, which has 1 here');
  assert.match(one.branches!, /argument 6|unknown/);
  assert.equal(one.both, 'runs', 'what is also called with something else is not judged');
  assert.equal(one.dead, 'runs');
  const six = said(6);
  for (const name of ['first', 'straight', 'branches', 'calls', 'dead'])
    assert.equal(six[name], 'runs', name);
});

test('the running kernel refuses to attach a raw_tp program that reads too far, and is understood', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async () => {
  using object = BpfObject.open(await build(SOURCE), { name: 'c' });
  for (const p of object.programs) p.autoload = p.name === 'branches';
  await object.load();
  assert.throws(() => object.program('branches').attach(), {
    code: 'SKEP_ATTACH',
    message:
      /"branches" cannot be attached to raw_tp sched_process_exit: it reads an argument that this tracepoint does not have/,
  });
});
