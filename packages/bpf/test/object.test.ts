import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BpfError,
  BpfMap,
  BpfObject,
  enableStats,
  openPerfBuffer,
  parseSection,
  possibleCpus,
  sectionHint,
} from '../src/index.ts';
import type { NativeError } from '../src/native.ts';
import { loadError } from '../src/object/load-error.ts';
import { compileBpf } from './support/clang.ts';
import { asU64, callGetpriority, loadedPrograms, openFds, openSource, u32, u64 } from './support/kernel.ts';

const counter = `
const volatile __u32 only_pid = 0;
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, __u32); __type(value, __u64); } calls SEC(".maps");
__u64 seen = 0;
__u64 start = 100;
static void count(__u32 which) {
  __u64 zero = 0, *n;
  if (!MINE(only_pid)) return;
  __sync_fetch_and_add(&seen, 1);
  __sync_fetch_and_add(&start, 1);
  bpf_map_update_elem(&calls, &which, &zero, BPF_NOEXIST);
  if ((n = bpf_map_lookup_elem(&calls, &which))) __sync_fetch_and_add(n, 1);
}
SEC("tp/syscalls/sys_enter_getpriority") int skep_t_enter(void *ctx) { count(1); return 0; }
SEC("tracepoint/syscalls/sys_exit_getpriority") int skep_t_exit(void *ctx) { count(2); return 0; }
`;

const open = () => {
  const object = openSource(counter, 'counter');
  object.setGlobal('only_pid', u32(process.pid));
  return object;
};

test('an object says what it holds before the kernel knows of it', () => {
  using object = open();
  assert.equal(object.license, 'GPL');
  assert.deepEqual(
    object.programs.map((p) => [p.name, p.type, p.target, p.section]),
    [
      ['skep_t_enter', 'tracepoint', 'syscalls/sys_enter_getpriority', 'tp/syscalls/sys_enter_getpriority'],
      [
        'skep_t_exit',
        'tracepoint',
        'syscalls/sys_exit_getpriority',
        'tracepoint/syscalls/sys_exit_getpriority',
      ],
    ],
  );
  const { type, keySize, valueSize, maxEntries, keyTypeId, valueTypeId } = object.map('calls');
  assert.deepEqual(
    [type, keySize, valueSize, maxEntries, object.btf.nameOf(keyTypeId), object.btf.nameOf(valueTypeId)],
    ['hash', 4, 8, 8, '__u32', '__u64'],
  );
  const globals = object.globals.map((g) => [
    g.name,
    g.section,
    g.size,
    g.const,
    asU64(Uint8Array.of(...g.initial, 0, 0, 0, 0)),
  ]);
  assert.deepEqual(globals.sort(), [
    ['only_pid', '.rodata', 4, true, 0],
    ['seen', '.bss', 8, false, 0],
    ['start', '.data', 8, false, 100],
  ]);
});

test('counts exactly what this process does, while attached and no longer', async () => {
  using object = open();
  object.setGlobal('start', u64(1000));
  object.map('calls').maxEntries = 4;
  await object.load();
  const [enter, exit] = object.programs.map((p) => p.attach());
  callGetpriority(1234);
  exit!.close();
  callGetpriority(766);
  enter!.close();
  callGetpriority(50);
  assert.equal(asU64(object.map('calls').get(u32(1))), 2000);
  assert.equal(asU64(object.map('calls').get(u32(2))), 1234);
  const data = object.maps.find((m) => m.name.endsWith('.data'))!;
  assert.equal(asU64(data.get(u32(0))), 4234);
  assert.ok(enter!.closed);
  assert.throws(() => enter!.fd, { code: 'SKEP_CLOSED' });
});

test('autoload off leaves a program out', async () => {
  using object = open();
  object.program('skep_t_exit').autoload = false;
  await object.load();
  object.program('skep_t_enter').attach();
  callGetpriority(3);
  assert.equal(asU64(object.map('calls').get(u32(1))), 3);
  assert.throws(() => object.program('skep_t_exit').attach(), { code: 'SKEP_STATE', message: /autoload/ });
});

test('run count and time are accounted while asked for', async () => {
  using object = open();
  await object.load();
  const program = object.program('skep_t_enter');
  program.attach();
  {
    using _stats = enableStats();
    callGetpriority(500);
  }
  const { runCount, runTimeNs, tag, kernelType } = program.info();
  assert.ok(runCount >= 500n, `${runCount}`);
  assert.ok(runTimeNs > 0n);
  assert.match(tag, /^[0-9a-f]{16}$/);
  assert.equal(kernelType, 'tracepoint');
});

test('two objects share a map; a map of another shape is refused', async () => {
  using one = open();
  await one.load();
  using two = open();
  two.reuseMap('calls', one.map('calls'));
  await two.load();
  assert.equal(two.map('calls').id, one.map('calls').id);
  one.program('skep_t_enter').attach();
  two.program('skep_t_enter').attach();
  callGetpriority(10);
  assert.equal(asU64(one.map('calls').get(u32(1))), 20);

  using three = open();
  using other = BpfMap.create({ type: 'hash', keySize: 8, valueSize: 8, maxEntries: 8 });
  assert.throws(() => three.reuseMap('calls', other), {
    code: 'SKEP_MAP_CREATE',
    message: /keys of 8 bytes/,
  });
});

test('closing gives back every descriptor and program, in any state', async () => {
  const fds = openFds();
  const before = loadedPrograms().filter((n) => n.startsWith('skep_t_')).length;
  open().close();
  for (let i = 0; i < 5; i++) {
    const object = open();
    await object.load();
    for (const p of object.programs) await p.attachAsync();
    assert.equal(object.links.length, 2);
    if (i % 2) object.close();
    else await object.closeAsync();
    object.close();
  }
  const loading = open();
  const load = loading.load();
  loading.close();
  await assert.rejects(load, { code: 'SKEP_CLOSED' });
  assert.equal(openFds(), fds);
  assert.equal(loadedPrograms().filter((n) => n.startsWith('skep_t_')).length, before);
});

test('after close everything refuses, nothing crashes', async () => {
  const object = open();
  await object.load();
  const map = object.map('calls');
  const program = object.program('skep_t_enter');
  object.close();
  for (const use of [
    () => map.get(u32(1)),
    () => map.fd,
    () => map.id,
    () => map.readBatch(map.newBatch()),
    () => program.fd,
    () => program.attach(),
    () => program.info(),
    () => object.setGlobal('seen', u64(1)),
  ]) {
    assert.throws(use, { code: 'SKEP_CLOSED' });
  }
  await assert.rejects(object.load(), { code: 'SKEP_CLOSED' });
});

test('what comes too late or too early says so', async () => {
  using object = open();
  assert.throws(() => object.map('calls').fd, { code: 'SKEP_STATE', message: /not loaded yet/ });
  await object.load();
  assert.throws(() => object.setGlobal('seen', u64(1)), { code: 'SKEP_STATE' });
  assert.throws(() => (object.map('calls').maxEntries = 5), { code: 'SKEP_STATE' });
  assert.throws(() => (object.programs[0]!.autoload = false), { code: 'SKEP_STATE' });
  await assert.rejects(object.load(), { code: 'SKEP_STATE' });
});

test('what failed to load stays so; sizes that are not ours to set are refused', async () => {
  using object = openSource('SEC("tp_btf/nope_event") int p(void *c) { return 0; }', 'refused');
  await assert.rejects(object.load(), { code: 'SKEP_UNSUPPORTED' });
  await assert.rejects(object.load(), { code: 'SKEP_STATE', message: /could not be loaded/ });
  assert.throws(() => (object.programs[0]!.autoload = false), { code: 'SKEP_STATE' });

  using one = open();
  await one.load();
  using two = open();
  two.reuseMap('calls', one.map('calls'));
  assert.throws(() => (two.map('calls').maxEntries = 5), { code: 'SKEP_STATE', message: /shared/ });
  const rodata = two.maps.find((m) => m.internal)!;
  assert.throws(() => (rodata.maxEntries = 5), { code: 'SKEP_STATE', message: /global variables/ });
});

test('attaching two at once on the pool, or to an object that closes meanwhile, is refused as that', async () => {
  const object = open();
  await object.load();
  const first = object.program('skep_t_enter').attachAsync();
  await assert.rejects(object.program('skep_t_exit').attachAsync(), { code: 'SKEP_STATE', message: /while/ });
  assert.throws(() => object.program('skep_t_exit').attach(), { code: 'SKEP_STATE' });
  object.close();
  assert.ok((await first).closed);
  await assert.rejects(object.program('skep_t_exit').attachAsync(), { code: 'SKEP_CLOSED' });
});

test('unknown names are answered with those there are', () => {
  using object = open();
  assert.throws(() => object.map('cals'), { code: 'SKEP_NOT_FOUND', hint: /calls/ });
  assert.throws(() => object.program('x'), { code: 'SKEP_NOT_FOUND', hint: /skep_t_enter/ });
  assert.throws(() => object.setGlobal('x', u32(0)), { code: 'SKEP_NOT_FOUND', hint: /only_pid/ });
  assert.throws(() => object.setGlobal('only_pid', u64(0)), {
    code: 'SKEP_ARGUMENT',
    message: /4 bytes, not 8/,
  });
});

test('the verifier’s refusal names program, line and reason, and carries its log', async () => {
  using object = openSource(
    `SEC("tp/syscalls/sys_enter_getpriority") int good(void *ctx) { return 0; }
     SEC("tp/syscalls/sys_enter_getpriority") int bad(void *ctx) {
       return *(int *)(*(long *)(ctx + 8));
     }`,
    'refused',
  );
  await assert.rejects(object.load(), (e: BpfError) => {
    assert.ok(e instanceof BpfError);
    assert.equal(e.code, 'SKEP_VERIFIER');
    assert.equal(e.object, 'bad');
    assert.match(e.message, /"bad" of refused: R1 invalid mem access/);
    assert.match(e.log ?? '', /processed \d+ insns/);
    assert.doesNotMatch(e.log ?? '', /libbpf:/);
    return true;
  });
});

for (const [what, source, code, message] of [
  [
    'a member this kernel lacks',
    `struct task_struct { int nope_x; } __attribute__((preserve_access_index));
    SEC("raw_tp/sched_process_exit") int p(unsigned long *c) { int v; bpf_probe_read_kernel(&v, 4, &((struct task_struct *)c[0])->nope_x); return v; }`,
    'SKEP_RELOCATION',
    /struct task_struct\.nope_x/,
  ],
  [
    'a kernel symbol it lacks',
    'extern int nope_kfunc(int) __ksym; SEC("raw_tp/sched_process_exit") int p(void *c) { return nope_kfunc(1); }',
    'SKEP_RELOCATION',
    /nope_kfunc/,
  ],
  [
    'a configuration option it lacks',
    'extern int CONFIG_NOPE_X __kconfig; SEC("raw_tp/sched_process_exit") int p(void *c) { return CONFIG_NOPE_X; }',
    'SKEP_RELOCATION',
    /configuration/,
  ],
  [
    'a BTF tracepoint it lacks',
    'SEC("tp_btf/nope_event") int p(void *c) { return 0; }',
    'SKEP_UNSUPPORTED',
    /"nope_event"/,
  ],
  [
    'a map without a size',
    'struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, int); } m SEC(".maps"); SEC("raw_tp/sched_process_exit") int p(void *c) { int k = 0; bpf_map_lookup_elem(&m, &k); return 0; }',
    'SKEP_MAP_CREATE',
    /map "m"/,
  ],
  [
    'a section that says no type',
    'SEC("nope/x") int p(void *c) { return 0; }',
    'SKEP_UNSUPPORTED',
    /names no kind of program, SEC\("nope\/x"\)$/,
  ],
] as const) {
  test(`loading fails for ${what}, and says so`, async () => {
    using object = openSource(source, 'refused');
    await assert.rejects(object.load(), { code, message });
  });
}

test('a perf buffer with room for fewer CPUs than there are gets room for all', async () => {
  using object = openSource(
    `struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(max_entries, 1); __uint(key_size, 4); __uint(value_size, 4); } perf SEC(".maps");
     SEC("raw_tp/sched_process_exit") int p(void *c) {
       int v = 0;
       return bpf_perf_event_output(c, &perf, BPF_F_CURRENT_CPU, &v, sizeof v);
     }`,
    'narrow',
  );
  await object.load();
  openPerfBuffer(object.map('perf')).close();
  assert.equal(object.map('perf').maxEntries, possibleCpus());
});

test('a hash and a stack map that leave their size to the loader get one', async () => {
  using object = openSource(
    `struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, int); __type(value, int); } all SEC(".maps");
     struct { __uint(type, BPF_MAP_TYPE_STACK_TRACE); __uint(key_size, 4); } stacks SEC(".maps");
     SEC("raw_tp/sched_process_exit") int p(void *c) {
       int k = 0;
       bpf_map_lookup_elem(&all, &k);
       return bpf_get_stackid(c, &stacks, 0) < 0;
     }`,
    'sizes',
  );
  assert.deepEqual([object.map('all').maxEntries, object.map('stacks').valueSize], [10_240, 127 * 8]);
  await object.load();
  object.map('all').set(new Uint8Array(4), new Uint8Array(4));
  assert.deepEqual([...object.map('all').entries()].length, 1);
});

test('a number of a map that headers write as an enum since libbpf 1.4 is read, and given to the kernel', async () => {
  const long = (name: string, value: number) => `enum { ${name}_value = ${value} } map_extra`;
  const source = `
     struct { __uint(type, BPF_MAP_TYPE_BLOOM_FILTER); __uint(max_entries, 100); ${long('few', 9)}; __type(value, __u32); } few SEC(".maps");
     struct { __uint(type, BPF_MAP_TYPE_BLOOM_FILTER); __uint(max_entries, 100); ${long('many', 25)}; __type(value, __u32); } many SEC(".maps");
     SEC("tp/syscalls/sys_enter_getpriority") int p(void *ctx) { return 0; }`;
  // The kernel takes up to 15 hashes. The bytes stay the caller's, who may open them again.
  for (const time of ['once', 'again']) {
    using object = openSource(source, time);
    await assert.rejects(object.load(), { code: 'SKEP_MAP_CREATE', object: 'many' });
  }
});

test('no file descriptor left, no kernel types, a program refused unseen: said as that', () => {
  using object = open();
  const failed = (errno: number, log: string) =>
    loadError(object, Object.assign(new Error('load'), { errno, log }) as NativeError);
  const full = failed(24, "libbpf: failed to create map 'calls'");
  assert.equal(full.code, 'SKEP_LOAD');
  assert.match(full.hint, /ulimit -n/);
  const untyped = failed(
    3,
    "libbpf: failed to find valid kernel BTF\nlibbpf: Error loading vmlinux BTF: -3\nlibbpf: failed to load object 'x'",
  );
  assert.equal(untyped.code, 'SKEP_UNSUPPORTED');
  assert.match(untyped.message, /\/sys\/kernel\/btf\/vmlinux cannot be read/);
  const unseen = failed(
    22,
    "libbpf: prog 'skep_t_enter': BPF program load failed: Invalid argument\nlibbpf: prog 'skep_t_enter': -- BEGIN PROG LOAD LOG --\nprocessed 0 insns (limit 1000000) max_states_per_insn 0\n-- END PROG LOAD LOG --",
  );
  assert.equal(unseen.code, 'SKEP_UNSUPPORTED');
  assert.match(unseen.message, /does not take program "skep_t_enter"/);
});

test('a map in the old form is refused with the new form', () => {
  const source =
    'struct bpf_map_def { int type, key, value, entries, flags; }; struct bpf_map_def SEC("maps") m = { 1, 4, 4, 10 }; SEC("socket") int p(void *c) { int k = 0; bpf_map_lookup_elem(&m, &k); return 0; }';
  assert.throws(() => openSource(source), { code: 'SKEP_LOAD', hint: /SEC\("\.maps"\)/ });
});

test('a table of functions that is declared as a map never gets to libbpf, which would die of it', () => {
  const source =
    'struct { __uint(type, BPF_MAP_TYPE_STRUCT_OPS); __uint(max_entries, 1); __uint(key_size, 4); __uint(value_size, 4); } ops SEC(".maps"); SEC("socket") int p(void *c) { return 0; }';
  assert.throws(() => openSource(source), { code: 'SKEP_LOAD', message: /map "ops".*struct_ops table/ });
});

test('a table of functions of which none is loaded is left out', async () => {
  using object = openSource(
    `struct skep_t_ops { int (*f)(void); };
     SEC("?struct_ops/f") int f(void *ctx) { return 0; }
     SEC(".struct_ops") struct skep_t_ops ops = { .f = (void *)f };
     SEC("raw_tp/sys_enter") int looks(void *ctx) { return 0; }`,
  );
  await object.load();
  assert.equal(object.map('ops').created, false);
  assert.ok(object.program('looks').fd > 0);
});

test('sections with a name behind a slash load as those without', async () => {
  const sections = ['sk_lookup', 'flow_dissector', 'xdp', 'sockops', 'socket', 'perf_event', 'sk_msg'];
  using object = openSource(
    sections
      .map(
        (s, i) => `SEC("${s}/skep_t") int p${i}(void *ctx) { return ${s === 'flow_dissector' ? 129 : 1}; }`,
      )
      .join('\n'),
  );
  await object.load();
  assert.deepEqual(
    object.programs.map((p) => p.info().kernelType),
    ['sk_lookup', 'flow_dissector', 'xdp', 'sock_ops', 'socket_filter', 'perf_event', 'sk_msg'],
  );
});

test('bytes that are no object never reach libbpf', () => {
  assert.throws(() => BpfObject.open(new Uint8Array(0)), { code: 'SKEP_ELF_INVALID' });
  assert.throws(() => BpfObject.open(new TextEncoder().encode('not an object at all')), {
    code: 'SKEP_ELF_INVALID',
  });
  const { bytes } = compileBpf('int x;', ['-target', 'bpf']);
  assert.throws(() => BpfObject.open(bytes, { name: 'probe.o' }), {
    code: 'SKEP_BTF_MISSING',
    message: /^probe\.o: the object has no type information/,
  });
});

test('of a section that is misspelt is said what it may have been meant for', () => {
  for (const [section, hint] of [
    ['tracepiont/sched/sched_switch', 'Did you mean SEC("tracepoint/sched/sched_switch")?'],
    ['?kporbe/do_exit', 'Did you mean SEC("kprobe/do_exit")?'],
    ['xdpp', 'Did you mean SEC("xdp")?'],
    ['cgroup/nothing', 'Name its hook, such as SEC("tracepoint/oom/mark_victim").'],
    ['something_else/x', 'Name its hook, such as SEC("tracepoint/oom/mark_victim").'],
  ] as const)
    assert.equal(sectionHint(section), hint);
});

test('section names are read as libbpf reads them', () => {
  for (const [section, kind, target] of [
    ['tp/oom/mark_victim', 'tracepoint', 'oom/mark_victim'],
    ['?kprobe/do_exit+0x10', 'kprobe', 'do_exit+0x10'],
    ['uretprobe//bin/bash:readline', 'uretprobe', '/bin/bash:readline'],
    ['xdp', 'xdp', ''],
    ['cgroup_skb/egress', 'cgroup_skb', 'egress'],
    ['kprobe/(my_probe)', 'kprobe', ''],
    ['socket1', 'socket_filter', ''],
    ['socketx', 'unknown', ''],
    ['constructor', 'unknown', ''],
  ] as const) {
    assert.deepEqual(parseSection(section), { kind, target });
  }
});
