import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probeHook, runningKernel } from '../src/index.ts';
import { asU64, callGetpriority, openSource, u32 } from './support/kernel.ts';

/** Every way of seeing getpriority(2), one counter each: kind, and section as it stands between quotes in C. */
const hooks = [
  ['tracepoint', 'tp/syscalls/sys_enter_getpriority'],
  ['kprobe', 'kprobe/" SYSCALL("getpriority") "'],
  ['kprobe', 'kretprobe/" SYSCALL("getpriority") "'],
  ['kprobe', 'ksyscall/getpriority'],
  ['kprobe', 'kprobe/sys_getpriority'],
  ['kprobe', 'kretprobe/sys_getpriority'],
  ['kprobe.multi', 'kprobe.multi/" SYSCALL("getpriority") "*'],
  ['fentry', 'fentry/" SYSCALL("getpriority") "'],
  ['fexit', 'fexit/" SYSCALL("getpriority") "'],
] as const;

const source = `
const volatile __u32 only_pid = 0;
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, ${hooks.length}); __type(key, __u32); __type(value, __u64); } runs SEC(".maps");
static void count(__u32 which) {
  __u64 *n = bpf_map_lookup_elem(&runs, &which);
  if (n && MINE(only_pid)) __sync_fetch_and_add(n, 1);
}
${hooks.map(([, section], i) => `SEC("${section}") int hook_${i}(void *ctx) { count(${i}); return 0; }`).join('\n')}
`;

test('each kind of hook that this kernel has counts exactly; each other is refused with the reason', async (t) => {
  const there = hooks.map(([kind]) => probeHook(kind).available);
  const object = openSource(source, 'hooks');
  using _ = object;
  object.setGlobal('only_pid', u32(process.pid));
  hooks.forEach(([kind], i) => {
    // Refused at load already, with all that come after it.
    if (kind === 'fentry' || kind === 'fexit') object.program(`hook_${i}`).autoload = there[i]!;
  });
  await object.load();
  for (const [i, [kind, section]] of hooks.entries()) {
    const program = object.program(`hook_${i}`);
    if (there[i]) program.attach();
    else if (program.autoload)
      assert.throws(() => program.attach(), { code: 'SKEP_UNSUPPORTED', message: /this kernel/ }, section);
    t.diagnostic(`${section}: ${there[i] ? 'attached' : `not on this kernel (${probeHook(kind).reason})`}`);
  }
  callGetpriority(100);
  for (const [i, [, section]] of hooks.entries()) {
    assert.equal(asU64(object.map('runs').get(u32(i))), there[i] ? 100 : 0, section);
  }
  assert.equal(there[0], true);
});

test('a session of fentry runs at entry and at return of the function that its section names', async () => {
  using object = openSource(
    `const volatile __u32 only_pid = 0; __u64 runs = 0;
     SEC("fsession/" SYSCALL("getpriority")) int both(void *ctx) { if (MINE(only_pid)) runs++; return 0; }`,
    'session',
  );
  object.setGlobal('only_pid', u32(process.pid));
  const [major] = runningKernel().version;
  if (!probeHook('fentry').available || major < 7)
    return await assert.rejects(object.load(), { code: /^SKEP_(UNSUPPORTED|NOT_FOUND)$/, message: /"both"/ });
  await object.load();
  object.program('both').attach();
  callGetpriority(20);
  assert.equal(asU64(object.maps.find((m) => m.name.endsWith('.bss'))!.get(u32(0))), 40);
});

test('a program the trampolines would be needed for is refused by name where there are none', async () => {
  const object = openSource('SEC("fentry/vfs_read") int on_read(void *ctx) { return 0; }', 'entry');
  using _ = object;
  const attached = async () => {
    await object.load();
    object.program('on_read').attach().close();
  };
  if (probeHook('fentry').available) return await attached();
  // Before Linux 6.4 arm64 takes the program, and has no trampoline to attach it by.
  await assert.rejects(attached(), {
    code: 'SKEP_UNSUPPORTED',
    message:
      /"on_read" (of entry: it|cannot be attached to fentry vfs_read: this kernel) has no BPF trampolines/,
  });
});

test('a kernel function that is not there is named', async () => {
  const object = openSource(
    'SEC("kprobe") int on_call(void *ctx) { return 0; } SEC("fentry/no_such_function_x") int on_none(void *ctx) { return 0; }',
    'none',
  );
  using _ = object;
  object.program('on_none').autoload = false;
  await object.load();
  const message = probeHook('kprobe').available ? /no function "no_such_function_x"/ : /without kprobes/;
  assert.throws(() => object.program('on_call').attach({ target: 'no_such_function_x' }), {
    code: 'SKEP_UNSUPPORTED',
    message,
  });
  using other = openSource('SEC("fentry/no_such_function_x") int on_none(void *ctx) { return 0; }', 'none');
  await assert.rejects(other.load(), { code: 'SKEP_UNSUPPORTED', message: /hooks "no_such_function_x"/ });
});

test('a kernel function that must not be traced is not taken for one that somebody else traces', async (t) => {
  using object = openSource('SEC("fentry/sched_clock") int on_entry(void *ctx) { return 0; }', 'untraced');
  if (!probeHook('fentry').available) return t.skip('this kernel has no BPF trampolines');
  const { functions, btf } = runningKernel();
  if (functions?.look('sched_clock', 'ftrace') !== 'untraceable' || !btf?.find('sched_clock', 'func'))
    return t.skip('sched_clock() has no types here, or can be traced');
  await object.load();
  assert.throws(() => object.program('on_entry').attach(), {
    code: 'SKEP_UNSUPPORTED',
    message: /sched_clock: this function must not be traced/,
  });
});

test('a kernel function that kprobes must not be on can have an fentry program', async (t) => {
  using object = openSource('SEC("fentry/get_kprobe") int on_entry(void *ctx) { return 0; }', 'forbidden');
  if (!probeHook('fentry').available) return t.skip('this kernel has no BPF trampolines');
  const { functions } = runningKernel();
  if (functions?.look('get_kprobe', 'ftrace') !== 'traceable')
    return t.skip('ftrace does not list get_kprobe()');
  await object.load();
  object.program('on_entry').attach().close();
});
