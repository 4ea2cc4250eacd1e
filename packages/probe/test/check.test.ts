// What becomes of objects on kernels of the matrix. That it is so there, test/check holds.
import { deepStrictEqual, match, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { BpfObject, type KernelFacts, storedKernel, type Verdict } from '@skep/bpf';
import { checkObject } from '../src/index.ts';
import { build } from './support.ts';

const kernel = (name: string) => storedKernel(name)!;

function said(verdict: Verdict, state: Verdict['state'], text: RegExp | undefined, what: string): void {
  strictEqual(verdict.state, state, `${what}: ${JSON.stringify(verdict)}`);
  if (text) match(verdict.state === 'runs' ? '' : verdict.reason, text, what);
}

for (const [what, source, name, text] of [
  [
    'a table of functions that the kernel has not',
    `struct skep_no_ops { int (*f)(void); };
     SEC("struct_ops/f") int f(void *ctx) { return 0; }
     SEC(".struct_ops") struct skep_no_ops ops = { .f = (void *)f };`,
    '6.12',
    /stand in for a struct skep_no_ops/,
  ],
  [
    'a map whose memory cannot be set aside',
    `struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(max_entries, 1); __type(key, __u64); __type(value, __u64); } m SEC(".maps");
     SEC("raw_tp/sched_process_exit") int p(void *ctx) { return 0; }`,
    '6.1',
    /"m" .* lpm_trie needs BPF_F_NO_PREALLOC/,
  ],
  [
    'an option of another type, also a weak one',
    `extern _Bool CONFIG_HZ __kconfig __weak;
     SEC("raw_tp/sched_process_exit") int p(void *ctx) { return CONFIG_HZ; }`,
    '6.1',
    /CONFIG_HZ is 250 here, and the object takes it for a bool/,
  ],
  [
    'a table that libbpf does not read',
    `SEC("struct_ops/f") int f(void *ctx) { return 0; }
     SEC(".struct_ops.link") struct tcp_congestion_ops ops = { .ssthresh = (void *)f };`,
    '6.12',
    /its table is in SEC\("\.struct_ops\.link"\)/,
  ],
  [
    'a flag for maps that came later',
    `struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); __uint(map_flags, 1 << 19); } m SEC(".maps");
     SEC("raw_tp/sched_process_exit") int p(void *ctx) { return 0; }`,
    '6.12',
    /has no flag 0x80000 for maps, which "m" has/,
  ],
  [
    'a type of maps that nobody has yet',
    `struct { __uint(type, 77); __type(key, __u32); __type(value, __u64); __uint(max_entries, 1); } m SEC(".maps");
     SEC("raw_tp/sched_process_exit") int p(void *ctx) { return 0; }`,
    '7.2',
    /has no map type 77, which "m" is/,
  ],
  [
    'an array of no length',
    `struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __type(key, __u32); __type(value, __u64); } m SEC(".maps");
     SEC("raw_tp/sched_process_exit") int p(void *ctx) { return 0; }`,
    '7.2',
    /"m" .* a percpu_array has to say how long it is/,
  ],
  [
    'a map of perf buffers of no length',
    `struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __uint(max_entries, 1); __uint(key_size, 8); __uint(value_size, 4);
       __array(values, struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); }); } m SEC(".maps");
     SEC("raw_tp/sched_process_exit") int p(void *ctx) { return 0; }`,
    '6.12',
    /"m" .* the perf_event_array in it has to say how long it is/,
  ],
  [
    'a map of maps that does not say which',
    `struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __uint(max_entries, 1); __uint(key_size, 4); __uint(value_size, 4); } m SEC(".maps");
     SEC("raw_tp/sched_process_exit") int p(void *ctx) { return 0; }`,
    '6.1',
    /"m" .* it holds maps, and does not say which/,
  ],
  [
    'a map with a flag of another type',
    `struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, __u32); __type(value, __u64); } m SEC(".maps");
     SEC("raw_tp/sched_process_exit") int p(void *ctx) { return 0; }`,
    '7.2',
    /BPF_F_NO_PREALLOC is not for an array/,
  ],
  [
    'an array with long keys',
    `struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u64); __type(value, __u64); } m SEC(".maps");
     SEC("raw_tp/sched_process_exit") int p(void *ctx) { return 0; }`,
    '7.2',
    /an array has keys of 4 bytes, and not of 8/,
  ],
  [
    'a hash without keys',
    `struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1); __uint(key_size, 0); __uint(value_size, 4); } m SEC(".maps");
     SEC("raw_tp/sched_process_exit") int p(void *ctx) { return 0; }`,
    '6.1',
    /a hash has keys, and those here are of no byte/,
  ],
  [
    'what each processor would have too much of',
    `struct big { char bytes[40000]; };
     struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct big); } m SEC(".maps");
     SEC("raw_tp/sched_process_exit") int p(void *ctx) { return 0; }`,
    '7.2',
    /32768 bytes at most, and not 40000/,
  ],
  [
    'a map that another loader would pin its own way',
    `struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __uint(pinning, 100); __type(key, __u32); __type(value, __u64); } m SEC(".maps");
     SEC("raw_tp/sched_process_exit") int p(void *ctx) { return 0; }`,
    '6.1',
    /"m" of probe\.o asks for pinning 100/,
  ],
  [
    'a part that another object has',
    `extern int helps(int a);
     SEC("raw_tp/sched_process_exit") int p(void *ctx) { return helps(1); }`,
    '6.1',
    /is not whole: it uses helps/,
  ],
] as const) {
  test(`an object is refused as a whole for ${what}`, async () => {
    const { programs } = checkObject(await build(source), 'probe.o', kernel(name));
    for (const p of programs) said(p.verdict, 'refused', text, p.name);
  });
}

test('a table of programs to jump to is for one type of them', async () => {
  const bytes = await build(`
SEC("tracepoint/sched/sched_process_exec") int held(void *ctx) { return 0; }
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1); __uint(key_size, 4); __array(values, int (void *)); }
  ours SEC(".maps") = { .values = { (void *)&held } };
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1); __uint(key_size, 4); __uint(value_size, 4); } theirs SEC(".maps");
SEC("raw_tp/sched_process_exit") int first(void *ctx) { bpf_tail_call(ctx, &ours, 0); return 0; }
SEC("raw_tp/sched_process_fork") int second(void *ctx) { bpf_tail_call(ctx, &ours, 0); return 0; }
SEC("tracepoint/sched/sched_process_wait") int other(void *ctx) { bpf_tail_call(ctx, &ours, 0); return 0; }
SEC("xdp") int alone(void *ctx) { bpf_tail_call(ctx, &theirs, 0); return 2; }`);
  const { programs, verdict } = checkObject(bytes, 'probe.o', kernel('6.1'));
  const states = programs.map((p) => `${p.name} ${p.verdict.state}`).sort();
  deepStrictEqual(states, ['alone runs', 'first runs', 'held refused', 'other refused', 'second runs']);
  said(verdict, 'refused', /first makes "ours" a table for raw_tracepoint programs/, 'all');
});

test('what nobody knows of a program a load has told, but not whether its hook is there', async () => {
  const bytes = await build(
    `extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
     extern void bpf_task_release(struct task_struct *p) __ksym;
     static int take(void) { struct task_struct *t = bpf_task_from_pid(1); if (t) bpf_task_release(t); return 0; }
     SEC("raw_tp/sched_process_exit") int taken(void *ctx) { return take(); }
     SEC("fexit/do_exit") int exits(void *ctx) { return 0; }
     SEC("kprobe/vfs_read+0x1") int within(void *ctx) { return 0; }
     SEC("tracepoint/sched/skep_no_such_event") int nowhere(void *ctx) { return 0; }`,
  );
  const states = (kernelName: string, loaded?: ReadonlySet<string>) =>
    checkObject(bytes, 'p.o', kernel(kernelName), { loaded }).programs.map((p) => p.verdict.state);
  deepStrictEqual(states('6.12'), ['unknown', 'unknown', 'unknown', 'refused']);
  const all = new Set(['taken', 'exits', 'within', 'nowhere']);
  deepStrictEqual(states('6.12', all), ['runs', 'runs', 'unknown', 'refused']);
});

test('an iterator that asks for the same thing again and again runs, and gets nowhere', async () => {
  const bytes = await build(
    `SEC("iter/task") int again(void *ctx) { return 1; }
     SEC("iter/task") int sometimes(void *ctx) { return bpf_get_prandom_u32() & 1; }
     SEC("iter/task") int once(void *ctx) { return 0; }`,
  );
  const { programs } = checkObject(bytes, 'p.o', kernel('6.1'));
  const notes = programs.map(({ verdict }) => (verdict.state === 'runs' ? verdict.note : verdict.state));
  match(notes[0]!, /always returns 1/);
  deepStrictEqual(notes.slice(1), [undefined, undefined]);
});

test('keys longer than a stack came with Linux 5.18', async () => {
  const bytes = await build(`struct long_key { char name[600]; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, struct long_key); __type(value, __u64); } paths SEC(".maps");
SEC("raw_tp/sched_process_exit") int p(void *ctx) { return 0; }`);
  said(checkObject(bytes, 'probe.o', kernel('5.10')).verdict, 'unknown', /512 are the most/, '5.10');
  said(checkObject(bytes, 'probe.o', kernel('6.1')).verdict, 'runs', undefined, '6.1');
});

test('what libbpf fills in for options is what decides which code is reached', async () => {
  const refused = 'bpf_sock_map_update(ctx, ctx, ctx, 0)';
  const bytes = await build(`
extern char CONFIG_BPF_SYSCALL __kconfig __weak;
extern enum libbpf_tristate CONFIG_BPF_JIT __kconfig __weak;
extern bool CONFIG_NET __kconfig;
extern unsigned int LINUX_SKEP_T_NONE __kconfig __weak;
#define IF(name, hook, what) SEC("raw_tp/" hook) int name(void *ctx) { if (what) ${refused}; return 0; }
IF(letter, "sys_enter", CONFIG_BPF_SYSCALL == 'y') IF(no_number, "sys_exit", CONFIG_BPF_SYSCALL == 1)
IF(tristate, "sched_switch", CONFIG_BPF_JIT == TRI_YES) IF(no_module, "sched_wakeup", CONFIG_BPF_JIT == TRI_MODULE)
IF(flag, "sched_process_exec", CONFIG_NET) IF(unheard_of, "sched_process_exit", LINUX_SKEP_T_NONE)`);
  const states = checkObject(bytes, 'probe.o', kernel('6.1')).programs.map((p) => [p.name, p.verdict.state]);
  deepStrictEqual(Object.fromEntries(states), {
    letter: 'refused',
    no_number: 'runs',
    tristate: 'refused',
    no_module: 'runs',
    flag: 'refused',
    unheard_of: 'runs',
  });
  const wrapped = await build(`extern bool LINUX_HAS_SYSCALL_WRAPPER __kconfig;
SEC("raw_tp/sys_enter") int p(void *ctx) { if (LINUX_HAS_SYSCALL_WRAPPER) ${refused}; return 0; }`);
  const without: KernelFacts = { ...kernel('6.1'), hooks: { ...kernel('6.1').hooks, kprobe: false } };
  strictEqual(checkObject(wrapped, 'probe.o', kernel('6.1')).verdict.state, 'refused');
  strictEqual(checkObject(wrapped, 'probe.o', without).verdict.state, 'runs');
});

test('a table for which nothing is loaded stands in nobody’s way', async () => {
  const bytes = await build(`struct skep_no_ops { int (*f)(void); };
SEC("?struct_ops/f") int f(void *ctx) { return 0; }
SEC(".struct_ops") struct skep_no_ops ops = { .f = (void *)f };
SEC("raw_tp/sched_process_exit") int p(void *ctx) { return 0; }`);
  said(checkObject(bytes, 'probe.o', kernel('6.12')).verdict, 'runs', undefined, 'the other program');
});

test('a value that libbpf neither reads nor makes up is refused', async () => {
  for (const [declared, state, text] of [
    ['unsigned LINUX_SKEP_T_NONE __kconfig', 'refused', /has not the option LINUX_SKEP_T_NONE/],
    ['unsigned LINUX_SKEP_T_NONE __kconfig __weak', 'runs', undefined],
    ['unsigned SKEP_T_NONE __kconfig __weak', 'refused', /libbpf knows no value "SKEP_T_NONE"/],
  ] as const) {
    const [, name] = declared.split(' ');
    const bytes = await build(
      `extern ${declared}; SEC("raw_tp/sched_process_exit") int p(void *ctx) { return ${name}; }`,
    );
    said(checkObject(bytes, 'probe.o', kernel('6.1')).verdict, state, text, declared);
    using object = BpfObject.open(bytes, { name: 'probe.o' });
    const loaded = await object.load().then(
      () => 'runs',
      () => 'refused',
    );
    if (process.getuid?.() === 0) strictEqual(loaded, state, declared);
  }
});

test('of what a kernel lacks is said how a program does without', async () => {
  for (const [code, hint] of [
    [
      'return bpf_ktime_get_coarse_ns();',
      /enum_value_exists\(enum bpf_func_id, BPF_FUNC_ktime_get_coarse_ns\)/,
    ],
    [
      'struct task_struct___x { int no_such; } __attribute__((preserve_access_index)) *t = (void *)bpf_get_current_task(); return BPF_CORE_READ(t, no_such);',
      /^Guard it with bpf_core_field_exists\(\)/,
    ],
  ] as const) {
    const bytes = await build(`SEC("raw_tp/sched_process_exit") int p(void *ctx) { ${code} }`);
    const { verdict } = checkObject(bytes, 'probe.o', kernel('5.10'));
    strictEqual(verdict.state, 'refused', code);
    match((verdict as { hint?: string }).hint ?? '', hint);
  }
});

test('a static program is told as that', async () => {
  const bytes = await build(`SEC("xdp") static __attribute__((used)) int p(void *ctx) { return 2; }`);
  throws(() => checkObject(bytes, 'probe.o', kernel('6.1')), { message: /p in SEC\("xdp"\) is static/ });
});

test('programs are judged by what they return, read and call, and by their maps', async () => {
  const bytes = await build(`
extern unsigned int CONFIG_HZ __kconfig;
extern int vfs_fsync(struct file *file, int datasync) __ksym;
struct timed { struct bpf_timer timer; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct timed); } timers SEC(".maps");
extern struct task_struct *bpf_task_from_pid(int pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;
struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 8); __type(key, __u64); __type(value, __u64); } prefixes SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_QUEUE); __uint(max_entries, 8); __type(value, __u32); } queue SEC(".maps");
#define TASK() ({ struct task_struct *__t = bpf_task_from_pid(1); if (__t) bpf_task_release(__t); })
SEC("lsm.s/file_open") int sleeping_trie(void *ctx) { __u64 key = 0; return bpf_map_lookup_elem(&prefixes, &key) ? 0 : -1; }
SEC("lsm.s/file_open") int sleeping_queue(void *ctx) { __u32 got; return bpf_map_pop_elem(&queue, &got) ? 0 : -1; }
SEC("fentry/vfs_read") int waits(void *ctx) { __u64 there; bpf_copy_from_user(&there, 8, (void *)0); return 0; }
SEC("tc") int task_of_packet(void *ctx) { TASK(); return 0; }
SEC("xdp") int task_of_frame(void *ctx) { TASK(); return 2; }
SEC("socket") int task_of_filter(void *ctx) { TASK(); return 0; }
SEC("fexit/do_exit") int never_comes_back(void *ctx) { return 0; }
SEC("fentry/migrate_disable") int of_trampolines(void *ctx) { return 0; }
SEC("kprobe/vfs_read") int registers(void *ctx) { return *(volatile __u64 *)(ctx + 512) == 1; }
SEC("tc") int packet_time(void *ctx) { return *(volatile __u64 *)(ctx + 184) == 1; }
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 8); __type(key, __u32); __type(value, __u64); } grows SEC(".maps");
#define IN(map) ({ __u32 __k = 0; bpf_map_lookup_elem(&map, &__k) != 0; })
SEC("raw_tp/sched_process_exit") int option(void *ctx) { return CONFIG_HZ; }
SEC("cgroup/connect4") int connects(void *ctx) { return 1; }
SEC("fentry/vfs_read") int some_ways(void *ctx) { return bpf_get_current_pid_tgid() == 5; }
SEC("lsm/bpf") int passes_on(__u64 *ctx) { int ret = ctx[3]; return ret ? ret : -1; }
SEC("lsm/file_open") int of_security(void *ctx) { return 0; }
SEC("kprobe/vfs_read") int timed(void *ctx) { return IN(timers); }
SEC("perf_event") int growing(void *ctx) { return IN(grows); }
SEC("fentry/vfs_read") int no_kfunc(__u64 *ctx) { vfs_fsync((void *)ctx[0], 0); return 0; }`);
  for (const [program, name, state, text] of [
    ['option', '6.1', 'runs'],
    ['connects', '5.10', 'runs'],
    ['some_ways', '6.1', 'unknown', /it may return 1, and only 0 is allowed for fentry/],
    // The hook has one argument more there: the fourth is no longer what was returned before.
    ['passes_on', '7.2', 'unknown', /0 or an error/],
    ['passes_on', '6.12', 'runs'],
    // Debian's 5.10 is configured without BPF among its security modules.
    ['of_security', '5.10', 'refused', /runs no LSM programs/],
    ['of_security', '6.1', 'runs'],
    // It came with Linux 5.15: before, nothing looks at what the values are.
    ['timed', '5.10', 'runs'],
    ['timed', '6.1', 'refused', /"timers" have a bpf_timer, which is not for kprobe programs/],
    // 7.2 lets it: from when on is not known.
    ['timed', '6.12', 'unknown', /"timers" have a bpf_timer/],
    ['timed', '7.2', 'runs'],
    ['growing', '5.10', 'unknown', /"grows", which is not allocated beforehand/],
    ['growing', '6.1', 'runs'],
    // Which functions are for programs, types tell only since 6.9.
    ['no_kfunc', '7.2', 'refused', /has vfs_fsync, but not for programs/],
    [
      'sleeping_trie',
      '6.12',
      'refused',
      /"prefixes" is a lpm_trie, which is not for programs that may sleep/,
    ],
    ['sleeping_queue', '6.1', 'unknown', /"queue" is a queue, which is not for programs that may sleep/],
    ['sleeping_queue', '6.12', 'runs'],
    ['waits', '6.12', 'refused', /bpf_copy_from_user may sleep, and the program may not/],
    ['task_of_packet', '6.12', 'runs'],
    ['task_of_frame', '6.12', 'runs'],
    ['task_of_filter', '6.12', 'unknown', /whether socket_filter programs may call bpf_task_from_pid/],
    ['never_comes_back', '7.2', 'refused', /do_exit never returns/],
    ['never_comes_back', '6.1', 'unknown', /do_exit never returns/],
    ['of_trampolines', '6.1', 'refused', /migrate_disable is called by what calls the programs/],
    ['registers', '6.1', 'refused', /byte 512 of struct pt_regs, which has 168 here/],
    // The structure has grown since.
    ['packet_time', '5.10', 'refused', /of struct __sk_buff, which has \d+ here/],
    ['packet_time', '6.1', 'runs'],
  ] as const) {
    const { programs } = checkObject(bytes, 'probe.o', kernel(name));
    said(programs.find((p) => p.name === program)!.verdict, state, text, `${program} on ${name}`);
  }
});

test('helpers are for some types of programs, and some for some of their hooks', async () => {
  const object = await build(`long seen; char text[4] = "12";
SEC("sk_lookup") int looks(void *ctx) { seen = bpf_get_current_pid_tgid(); return 1; }
SEC("sk_lookup") int counts(void *ctx) { seen = bpf_ktime_get_ns(); return 1; }
SEC("lsm/file_open") int guards(void *ctx) { bpf_override_return(ctx, 0); return 0; }
SEC("cgroup/connect4") int reads(void *ctx) { bpf_strtol(text, 4, 0, &seen); return 1; }
SEC("cgroup/sysctl") int sets(void *ctx) { bpf_strtol(text, 4, 0, &seen); return 1; }
SEC("tp_btf/sys_enter") int paths(unsigned long long *ctx) { bpf_d_path((void *)ctx[0], text, 4); return 0; }`);
  const on = (name: string, program: string) =>
    checkObject(object, 'h.o', kernel(name)).programs.find((p) => p.name === program)!.verdict;
  said(on('5.10', 'looks'), 'refused', /no bpf_get_current_pid_tgid for sk_lookup/, 'not for lookups');
  said(on('5.10', 'counts'), 'runs', undefined, 'for all');
  said(on('6.12', 'guards'), 'unknown', /no bpf_override_return for lsm/, 'not on this hook');
  said(on('5.10', 'reads'), 'unknown', /no bpf_strtol for cgroup/, 'not on the hook that was asked for');
  said(on('5.10', 'sets'), 'runs', undefined, 'for settings');
  said(on('6.12', 'paths'), 'refused', /bpf_d_path is for programs on functions/, 'not at tracepoints');
});

test('before Linux 5.12 global functions took numbers and the context', async () => {
  const object = await build(`int seen;
__attribute__((noinline)) int of_pointer(int *p) { return p ? *p : 0; }
__attribute__((noinline)) int of_context(struct __sk_buff *s) { return s->len; }
__attribute__((noinline)) void of_nothing(int n) { seen = n; }
SEC("raw_tp/sys_enter") int pointer(void *ctx) { static int x = 3; return of_pointer(&x); }
SEC("tc") int context(struct __sk_buff *s) { seen = of_context(s); return 0; }
SEC("raw_tp/sys_enter") int nothing(void *ctx) { of_nothing(bpf_get_prandom_u32()); return 0; }`);
  const on = (name: string, program: string) =>
    checkObject(object, 'g.o', kernel(name)).programs.find((p) => p.name === program)!.verdict;
  said(on('5.10', 'pointer'), 'unknown', /"of_pointer" may take pointers/, 'a pointer');
  said(on('5.10', 'nothing'), 'unknown', /"of_nothing" may return nothing/, 'no result');
  said(on('5.10', 'context'), 'runs', undefined, 'the context');
  said(on('6.1', 'pointer'), 'runs', undefined, 'since');
});

test('a table of programs to jump to holds none that is left out, and tracing programs of the same arguments', async () => {
  const table = (tail: string, jump: string) =>
    build(`int tail(void *ctx);
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1); __uint(key_size, 4); __array(values, int (void *)); }
  table SEC(".maps") = { .values = { [0] = (void *)&tail } };
SEC("${tail}") int tail(void *ctx) { return 0; }
SEC("${jump}") int jump(void *ctx) { bpf_tail_call(ctx, &table, 0); return 0; }`);
  const of = async (tail: string, jump: string, program: string) =>
    checkObject(await table(tail, jump), 't.o', kernel('6.12')).programs.find((p) => p.name === program)!
      .verdict;
  const [fork, exit] = ['tp_btf/sched_process_fork', 'tp_btf/sched_process_exit'];
  said(
    await of('?raw_tp/sys_enter', 'raw_tp/sys_enter', 'jump'),
    'refused',
    /to hold "tail", which is not/,
    '?',
  );
  said(await of('raw_tp/sys_exit', 'raw_tp/sys_enter', 'jump'), 'runs', undefined, 'raw');
  said(await of(fork, exit, 'tail'), 'unknown', /sched_process_exit and on sched_process_fork/, 'two hooks');
  said(await of(exit, exit, 'tail'), 'runs', undefined, 'one hook');
});

test('what a program reads of its record lies where CO-RE finds it', async () => {
  const object = await build(
    `struct trace_event_raw_kfree_skb___far { char far[200]; unsigned short protocol; } __attribute__((preserve_access_index));
     int seen;
     SEC("tracepoint/skb/kfree_skb") int p(struct trace_event_raw_kfree_skb___far *ctx) { seen = ctx->protocol; return 0; }
     SEC("tracepoint/skb/kfree_skb") int q(char *ctx) { seen = *(int *)(ctx + 200); return 0; }`,
  );
  const { programs } = checkObject(object, 'far.o', kernel('6.1'));
  said(programs[0]!.verdict, 'runs', undefined, 'as the kernel has it');
  said(
    programs[1]!.verdict,
    'refused',
    /byte 203 of the record of skb.kfree_skb, which has 32 here/,
    'as it is',
  );
});

test('before tcx a tc program needs a qdisc and a filter, which may be modules', async () => {
  const object = await build('SEC("tc") int p(void *ctx) { return 0; }');
  const without = (facts: KernelFacts, more: Partial<KernelFacts>): Verdict => {
    const of = { ...facts, btf: facts.btf, functions: undefined, config: facts.config, ...more };
    return checkObject(object, 'tc.o', of).programs[0]!.verdict;
  };
  const [old, recent] = [kernel('6.1'), kernel('6.12')];
  said(without(old, {}), 'runs', undefined, 'as modules');
  said(without(old, { config: new Map() }), 'refused', /built without CONFIG_NET_SCH_INGRESS/, 'not built');
  const hasModule = (name: string) => name === 'sch_ingress';
  said(without(old, { hasModule }), 'unknown', /load the module cls_bpf is not known/, 'not installed');
  said(without(old, { config: undefined, hasModule }), 'unknown', /cls_bpf/, 'nor configured');
  said(without(recent, { config: new Map(), hasModule }), 'runs', undefined, 'with tcx');
});

test('what run asks for is said beside that the kernel takes it', async () => {
  const object = await build(
    `struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1); __uint(key_size, 4); __array(values, int (void *)); } t SEC(".maps");
     SEC("xdp") int drop(struct xdp_md *ctx) { return 1; }
     SEC("xdp") int pass(struct xdp_md *ctx) { return 2; }
     SEC("?xdp") int asleep(struct xdp_md *ctx) { return 1; }
     SEC("raw_tp/sched_process_exit") int kill(void *ctx) { bpf_send_signal(0); return 0; }
     SEC("uprobe") int probed(void *ctx) { return 0; }`,
  );
  const notes = (targets?: Record<string, string>) =>
    Object.fromEntries(
      checkObject(object, 'asks.o', kernel('6.12'), { targets }).programs.map(({ name, verdict }) => [
        name,
        verdict.state === 'runs' ? verdict.note : verdict.state,
      ]),
    );
  const { drop, ...others } = notes();
  match(
    drop!,
    /^run asks where it goes: --attach drop=INTERFACE; run asks for --allow-modify: it can return 1 \(XDP_DROP\)/,
  );
  match(others.kill!, /^run asks for --allow-modify: it calls bpf_send_signal\(\), at .*:\d+/);
  deepStrictEqual(
    [others.pass, others.asleep, others.probed],
    [
      'run asks where it goes: --attach pass=INTERFACE',
      undefined,
      'run asks where it goes: --attach probed=PATH:FUNCTION[+OFFSET]',
    ],
  );
});
