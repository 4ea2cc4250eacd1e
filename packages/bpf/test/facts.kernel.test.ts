import { ok, strictEqual } from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { Btf, probeHook, quickFacts, runningKernel, tracefs } from '../src/index.ts';
import { hasKernelFunction } from '../src/kernel/functions.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';

test('the running kernel has what every kernel has, and not what none has', { skip }, () => {
  const facts = runningKernel();
  ok(facts.version[0] >= 5);
  strictEqual(facts.btf?.find('task_struct', 'struct')?.name, 'task_struct');
  ok(['traceable', 'unknown'].includes(facts.functions?.look('do_exit') ?? ''), 'do_exit is there');
  strictEqual(facts.functions?.look('skep_is_not_in_a_kernel'), 'absent');
  strictEqual(facts.functions?.symbol('do_exit')?.count, 1);
  strictEqual(facts.tracepoints?.has('sched', 'sched_switch'), true);
  strictEqual(facts.tracepoints?.has('sched', '../sched/sched_switch'), false, 'a name, not a path');
  strictEqual(facts.tracepoints?.hasName('sched_switch'), true);
  strictEqual(facts.tracepoints?.hasName('nothing_of_that_name'), false);
  ok(facts.programTypes?.has('kprobe') && facts.mapTypes?.has('hash'));
});

test('what kprobes are kept from is known, be debugfs mounted or not', {
  skip:
    skip ||
    (!hasKernelFunction('register_kprobe') && 'this kernel has no kprobes') ||
    (!hasKernelFunction('notifier_call_chain') && 'the compiler left nothing of the function'),
}, () => {
  const { functions } = runningKernel();
  strictEqual(functions?.look('notifier_call_chain'), 'untraceable');
  strictEqual(functions?.look('notifier_call_chain', 'ftrace'), 'traceable', 'only kprobes are');
});

test('the quick facts say the same as far as they say anything', { skip }, () => {
  const quick = quickFacts();
  for (const [name, kind] of [
    ['do_exit', 'func'],
    ['btf_trace_sched_switch', 'typedef'],
    ['task_struct', 'struct'],
    ['skep_is_not_in_a_kernel', 'func'],
  ] as const) {
    strictEqual(quick.hasType?.(name, kind), Btf.kernel().find(name, kind) !== undefined, name);
  }
  for (const kind of ['kprobe', 'tracepoint', 'fentry'] as const) {
    const said = quick.hooks?.[kind];
    ok(said === undefined || said === probeHook(kind).available, `${kind}: ${said}`);
  }
});

test('events are those of tracefs', { skip: skip || (!tracefs() && 'no tracefs') }, () => {
  const facts = runningKernel();
  const names = readdirSync(`${tracefs()}/events/sched`, { withFileTypes: true }).filter((e) =>
    e.isDirectory(),
  );
  for (const { name } of names) ok(facts.tracepoints?.has('sched', name), name);
});

test('a configuration says whether the kernel has what it has', {
  skip: (!existsSync('/proc/config.gz') && 'this kernel keeps no configuration') || skip,
}, () => {
  strictEqual(runningKernel().config?.get('CONFIG_BPF_SYSCALL'), 'y');
});
