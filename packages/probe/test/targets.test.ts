import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assignTargets,
  formText,
  lacksTarget,
  missingTargetError,
  parseTarget,
  TARGET_FORMS,
} from '../src/index.ts';

const program = (section: string, type = section.split('/')[0]!, name = 'prog') => ({
  name,
  type,
  section,
  target: section.split('/').slice(1).join('/'),
});

test('each kind reads its own form', () => {
  const forms: [kind: string, text: string, options: object][] = [
    ['xdp', 'eth0', { target: 'eth0' }],
    ['xdp', 'eth0,netns=web', { target: 'eth0', netns: 'web' }],
    ['tc', 'eth0,egress', { target: 'eth0', direction: 'egress' }],
    ['tc', 'eth0,ingress,netns=1234', { target: 'eth0', direction: 'ingress', netns: '1234' }],
    ['socket_filter', 'any', { target: 'any' }],
    ['cgroup_skb', '/sys/fs/cgroup/a,b', { target: '/sys/fs/cgroup/a,b' }],
    ['kprobe', 'do_unlinkat+0x10', { target: 'do_unlinkat+0x10' }],
    ['kprobe', 'do_unlinkat,cookie=0x7', { target: 'do_unlinkat', cookie: 7n }],
    ['kprobe.multi', 'vfs_*', { target: 'vfs_*' }],
    ['fentry', 'vfs_read', { target: 'vfs_read' }],
    ['tracepoint', 'sched:sched_switch', { target: 'sched:sched_switch' }],
    ['uprobe', 'libc.so.6:malloc,pid=7', { target: 'libc.so.6:malloc', pid: 7 }],
    ['uprobe', '/a,b:f', { target: '/a,b:f' }],
    ['usdt', 'node:gc__start,pid=7', { target: 'node:gc__start', pid: 7 }],
    ['usdt', '/usr/bin/node:node:gc__start', { target: '/usr/bin/node:node:gc__start' }],
    ['perf_event', '49hz', { sampleFrequency: 49 }],
    ['perf_event', '99hz,pid=7,cpu=1', { sampleFrequency: 99, pid: 7, cpu: 1 }],
    ['perf_event', '10000,event=cache-misses', { samplePeriod: 10000, event: 'cache-misses' }],
    ['perf_event', 'pid=7', { pid: 7 }],
    ['iter', 'pid=7', { pid: 7 }],
    ['iter', 'counts', { target: 'counts' }],
    ['sk_lookup', 'web', { target: 'web' }],
  ];
  for (const [kind, text, options] of forms)
    assert.deepEqual(parseTarget(program(kind), text), options, `${kind} ${text}`);
  // What help and errors show is what is read.
  for (const [kind, { example }] of Object.entries(TARGET_FORMS)) parseTarget(program(kind), example);
});

test('a wrong form is answered with the right one', () => {
  const wrong: [kind: string, text: string][] = [
    ['tracepoint', 'sched_switch'],
    ['uprobe', 'malloc'],
    ['usdt', 'node:gc__start'],
    ['usdt', 'gc__start,pid=7'],
    ['perf_event', '49khz'],
    ['perf_event', '0hz'],
    ['perf_event', '49hz,cpu=x'],
    ['kprobe', 'a b'],
    ['kprobe', 'f,cookie=x'],
    ['kprobe', 'f,pid=1'],
    ['xdp', ',netns=web'],
    ['xdp', 'eth0,netns='],
    ['uprobe', 'libc.so.6:malloc,pid=me'],
  ];
  for (const [kind, text] of wrong)
    assert.throws(
      () => parseTarget(program(kind), text),
      (e: { code: string; hint: string }) => e.code === 'SKEP_TARGET' && e.hint.includes(formText(kind)!),
      `${kind} ${text}`,
    );
  assert.throws(() => parseTarget(program('struct_ops'), 'x'), {
    code: 'SKEP_TARGET',
    message: /takes no target/,
  });
  assert.throws(() => parseTarget(program('constructor'), 'x'), { code: 'SKEP_TARGET' });
});

test('flags replace what the image says of the same program, and several add up', () => {
  const programs = [program('xdp', 'xdp', 'a'), program('tc', 'tc', 'b'), program('fentry', 'fentry', 'f')];
  const targets = assignTargets(programs, ['a=eth1', 'a=eth2'], ['a=eth0', 'b=eth0,egress']);
  assert.deepEqual(
    [...targets],
    [
      ['b', [{ target: 'eth0', direction: 'egress' }]],
      ['a', [{ target: 'eth1' }, { target: 'eth2' }]],
    ],
  );
  assert.throws(() => assignTargets(programs, ['c=eth0']), {
    hint: 'Programs: a (xdp), b (tc), f (fentry).',
  });
  for (const text of ['a', 'a=', '=eth0', 'a b=c', ''])
    assert.throws(() => assignTargets(programs, [text]), { message: /is not PROG=TARGET/ }, text);
  assert.throws(() => assignTargets(programs, ['f=vfs_read', 'f=vfs_write']), {
    message: /one target, not two/,
  });
});

test('a section without a hook is seen before anything is loaded', () => {
  const lacking = [
    'xdp',
    'xdp/name',
    'tc/ingress',
    'kprobe',
    'tracepoint/alone',
    'cgroup/connect4',
    'usdt',
    'fentry',
    'iter',
    'iter/cgroup',
    'iter/bpf_map_elem',
  ];
  for (const section of lacking) assert.ok(lacksTarget(program(section)), section);
  for (const section of [
    'kprobe/f',
    'tracepoint/a/b',
    'perf_event',
    'iter/task',
    'sk_lookup',
    'raw_tp/x',
    'sk_msg',
  ])
    assert.ok(!lacksTarget(program(section)), section);
  const { message, hint } = missingTargetError(program('tc/ingress'));
  assert.match(message, /"prog" cannot be attached: its section "tc\/ingress" does not say where/);
  assert.match(hint, /--attach prog=eth0,egress/);
  const hintOf = (section: string) => missingTargetError(program(section)).hint;
  assert.match(hintOf('iter/cgroup'), /--attach prog=CGROUP \(a cgroup2 directory/);
  assert.match(hintOf('iter/bpf_map_elem'), /--attach prog=MAP \(the name of a map/);
  assert.match(hintOf('iter'), /SEC\("iter\/task"\)/);
});
