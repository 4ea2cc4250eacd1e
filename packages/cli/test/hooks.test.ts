import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Sandbox } from './harness.ts';

const box = new Sandbox();
const needsRoot = { skip: process.getuid?.() === 0 ? false : 'loading BPF needs root' };

const SOURCE = `#include "skep.h"
#include "skep_filter.h"
SKEP_HASH(counter_exits, __u32, __u64, 16) SKEP_HELP("exits");
static __always_inline int gone(void *ctx)
{
	__u32 one = 1;
	if (skep_watched()) skep_add(&counter_exits, &one, 1);
	return 0;
}
SKEP_RUNG(exit, 0, new) SEC("tp_btf/skep_is_not_in_a_kernel") int newest(void *ctx) { return gone(ctx); }
SKEP_EVENT(exit, sched, sched_process_exit, gone)
SKEP_OPTIONAL SKEP_WITHOUT("no opens") SKEP_RUNG(open, 1, tracepoint)
SEC("tracepoint/skep/is_not_in_a_kernel") int opens(void *ctx) { return gone(ctx); }
char LICENSE[] SEC("license") = "Dual BSD/GPL";
`;

before(async () => {
  writeFileSync(box.path('exits.c'), SOURCE);
  await box.ok(['build', 'exits.c']);
});
after(() => box[Symbol.dispose]());

const run = ['run', 'exits.o', '--no-prom', '--timeout', '50ms', '--set', `target_pid=${process.pid}`];

test('describe and --help show groups and rungs, best first', async () => {
  const stdout = await box.ok(['describe', 'exits.o']);
  assert.match(stdout, /HOOKS FOR +RUNG +PROGRAMS/);
  assert.match(
    stdout,
    /^exit +new +newest\n +tp_btf +gone_tp_btf\n +raw_tp +gone_raw_tp\n +tracepoint +gone_tracepoint$/m,
  );
  assert.match(stdout, /^open +tracepoint +opens +optional; without it: no opens$/m);
  const json = JSON.parse(await box.ok(['describe', 'exits.o', '--format', 'json']));
  assert.deepEqual(json.Objects[0].Hooks[0].Rungs[1], { Name: 'tp_btf', Programs: ['gone_tp_btf'] });
  const help = await box.ok(['run', 'exits.o', '--help']);
  assert.match(help, /exit=new\|tp_btf\|raw_tp\|tracepoint\n +open=tracepoint\|none/);
});

test('run says which rung it took, and what is missing', needsRoot, async () => {
  const { stderr } = await box.skep(run);
  assert.match(stderr, /^hooks: exit by tp_btf$/m);
  assert.match(stderr, /^open was left out: .*no tracepoint skep\/is_not_in_a_kernel.*no opens$/m);
});

test('--explain shows each rung, its verdict and the reason', needsRoot, async () => {
  const { stderr } = await box.skep([...run, '--explain']);
  assert.match(stderr, /^GROUP +RUNG +VERDICT +REASON$/m);
  assert.match(stderr, /^exit +new +refused +this kernel has no tracepoint skep_is_not_in_a_kernel$/m);
  assert.match(stderr, /^ +tp_btf +taken$/m);
  assert.match(stderr, /^ +raw_tp +not needed$/m);
  assert.match(stderr, /^open \(optional\) +tracepoint +refused/m);
});

test(
  '--explain shows them also when a group that is needed has none: that is when it is asked for',
  needsRoot,
  async () => {
    const none = SOURCE.replace(
      /SKEP_EVENT.*/,
      'SKEP_RUNG(exit, 1, older) SEC("raw_tp/skep_neither") int older(void *ctx) { return gone(ctx); }',
    );
    writeFileSync(box.path('none.c'), none);
    await box.ok(['build', 'none.c']);
    const { code, stderr } = await box.skep(['run', 'none.o', '--no-prom', '--explain']);
    assert.equal(code, 5);
    assert.match(stderr, /^exit +new +refused +this kernel has no tracepoint skep_is_not_in_a_kernel$/m);
    assert.match(stderr, /^ +older +refused +this kernel has no tracepoint skep_neither$/m);
    assert.match(stderr, /^open \(optional\) +tracepoint +refused/m, 'of the other groups too');
    assert.match(stderr, /no hook for "exit"/);
  },
);

test('--hook takes another; a wrong one is a usage error that names the choices', needsRoot, async () => {
  assert.match((await box.skep([...run, '--hook', 'exit=raw_tp'])).stderr, /^hooks: exit by raw_tp$/m);
  const wrong = await box.skep([...run, '--hook', 'exit=uprobe']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /has no rung "uprobe"[\s\S]*new, tp_btf, raw_tp and tracepoint/);
  const refused = await box.skep([...run, '--hook', 'exit=new']);
  assert.equal(refused.code, 5);
});
