// Images of other tools, made here as their makers' specifications say, and run.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { BpfObject, type Btf, coreRelocations, type Elf, parseObject } from '@skep/bpf';
import { type Descriptor, formatPlatform, MEDIA_TYPE, machinePlatform, Store } from '@skep/oci';
import { compile, describeObject, ProbeError, unpackImage } from '@skep/probe';
import { Sandbox } from './harness.ts';

const UMASK = process.arch === 'x64' ? 95 : 166;

/** What Inspektor Gadget's macros leave behind: variables whose names say what maps and programs are for. */
const GADGET = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#define NAMED(name) const void *name __attribute__((unused))
typedef __u64 gadget_timestamp;
typedef __u32 gadget_kernel_stack;
typedef __u32 gadget_gid;
typedef __u64 gadget_syscall;
typedef __u32 gadget_file_mode;
typedef __u32 gadget_histogram_slot__u32;
const volatile __u32 target_pid = 0;
NAMED(gadget_param_target_pid);
const volatile bool targ_twice = false;
NAMED(gadget_param_targ_twice);
const volatile __u32 targ_pid = 0;
union gadget_ip_addr_t { __u8 v6[16]; __u32 v4; };
struct gadget_l3endpoint_t { union gadget_ip_addr_t addr_raw; __u8 version; };
struct gadget_l4endpoint_t { union gadget_ip_addr_t addr_raw; __u16 port; __u16 proto_raw; __u8 version; };
struct gadget_user_stack { __u32 major; __u32 stack_id; __u32 tgid_level0; };
enum how_set : __u8 { FAST = 1, LOUD = 2, COLD = 8 };
enum wide_set : __u64 { NEAR = 1, FAR = 4 };
struct call_event {
	gadget_timestamp at;
	__u32 pid;
	char comm[16];
	union gadget_ip_addr_t peer;
	gadget_kernel_stack kstack;
	struct gadget_l4endpoint_t src, dst;
	struct gadget_l3endpoint_t server, nobody;
	enum how_set how_raw, one_raw;
	enum wide_set wide_raw;
	gadget_gid gid;
	gadget_file_mode mode_raw;
	gadget_syscall syscall_raw, unknown_raw;
	struct gadget_user_stack ustack;
};
#define STACKS(name) struct { __uint(type, BPF_MAP_TYPE_STACK_TRACE); __uint(max_entries, 64); __uint(key_size, 4); __uint(value_size, 1016); } name SEC(".maps")
STACKS(ig_ustack);
STACKS(ig_kstack);
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 65536); } events SEC(".maps");
NAMED(gadget_tracer_calls___events___call_event);
const struct call_event *__gadget_tracer_type_calls __attribute__((unused));
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __uint(key_size, 4); __uint(value_size, 8); } events_lost_samples SEC(".maps");
struct call_key { __u32 pid; };
struct call_stat { __u64 calls; __u64 twice; };
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct call_key);
	__type(value, struct call_stat);
} stats SEC(".maps");
NAMED(gadget_mapiter_totals___stats);
struct took_key { __u32 pid; };
struct took_slots { gadget_histogram_slot__u32 latency[8]; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 64); __type(key, struct took_key); __type(value, struct took_slots); } slots SEC(".maps");
NAMED(gadget_mapiter_took___slots);
/* Inspektor Gadget relocates by its own programs' types too, and fills the map: a kernel has no such struct. */
struct gadget_socket_value { __u64 mntns; __u32 pid; } __attribute__((preserve_access_index));
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct gadget_socket_value);
} gadget_sockets SEC(".maps");
struct task_row { __u32 pid; char comm[16]; };
NAMED(gadget_snapshotter_processes___task_row___each_task);
const struct task_row *unusedevent_processes___task_row __attribute__((unused));
static struct took_slots no_slots = {};
/* ig looks into each container: where there is no such library, no such hook is missed. */
SEC("uprobe/libnobody-has-this:call") int on_nobody(void *ctx) { return 0; }
SEC("uretprobe/libnor-this:call") int on_other(void *ctx) { return 0; }
SEC("raw_tp/sys_enter") int on_enter(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	if (targ_pid && pid != targ_pid)
		return 0;
	if (ctx->args[1] != ${UMASK} || !target_pid || pid != target_pid)
		return 0;
	struct gadget_socket_value *socket = bpf_map_lookup_elem(&gadget_sockets, &pid);
	struct call_key key = { socket ? socket->pid : pid };
	struct call_stat zero = {}, *stat;
	bpf_map_update_elem(&stats, &key, &zero, BPF_NOEXIST);
	stat = bpf_map_lookup_elem(&stats, &key);
	if (stat) {
		stat->calls++;
		stat->twice += targ_twice ? 2 : 1;
	}
	struct call_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	int first = 0;
	__u64 *lost = bpf_map_lookup_elem(&events_lost_samples, &first);
	if (lost && (!e || *lost < 3)) /* as if it had been full three times on each processor */
		++*lost;
	if (!e)
		return 0;
	e->at = bpf_ktime_get_ns();
	e->pid = pid;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	__builtin_memset(&e->peer, 0, sizeof(e->peer));
	e->peer.v4 = 0x0100007f;
	__builtin_memset(&e->src, 0, (char *)(e + 1) - (char *)&e->src);
	e->src = (struct gadget_l4endpoint_t){ { .v4 = 0x0100007f }, 80, 6, 4 };
	e->dst = (struct gadget_l4endpoint_t){ {}, 53, 17, 6 };
	e->dst.addr_raw.v6[0] = 0xfd;
	e->dst.addr_raw.v6[15] = 1;
	e->server = (struct gadget_l3endpoint_t){ { .v4 = 0x0200000a }, 4 };
	e->how_raw = FAST | COLD | 64;
	e->one_raw = LOUD;
	e->wide_raw = NEAR | FAR;
	e->mode_raw = 0100640;
	e->syscall_raw = ${UMASK};
	e->unknown_raw = -1;
	struct took_slots *took = bpf_map_lookup_elem(&slots, &key);
	if (took)
		took->latency[3]++;
	else
		bpf_map_update_elem(&slots, &key, &no_slots, BPF_NOEXIST);
	e->kstack = bpf_get_stackid(ctx, &ig_kstack, 0);
	bpf_ringbuf_submit(e, 0);
	return 0;
}
SEC("iter/task") int each_task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task_row row = {};
	if (!task || !target_pid || task->pid != target_pid)
		return 0;
	row.pid = task->pid;
	bpf_probe_read_kernel_str(row.comm, sizeof(row.comm), task->comm);
	bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
`;

/** As in bpfman's examples: what stands behind the slash is a name, and no hook; and the function is static. */
const BYTECODE = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
const volatile __u32 target_pid = 0;
struct who { __u32 pid; };
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct who);
	__type(value, __u64);
} counter_umasks SEC(".maps");
SEC("tracepoint/on_umask") static int on_umask(void *ctx)
{
	struct who who = { bpf_get_current_pid_tgid() >> 32 };
	__u64 one = 1, *n;
	if (who.pid != target_pid)
		return 0;
	n = bpf_map_lookup_elem(&counter_umasks, &who);
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&counter_umasks, &who, &one, BPF_NOEXIST);
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
`;

/** What the specifications allow and the two above have not. */
const GADGET_MORE = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#define NAMED(name) const void *name __attribute__((unused))
const volatile __u64 big = 0;
struct call_event { __u32 pid; __u64 big; };
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); } events SEC(".maps");
NAMED(gadget_tracer_calls___events___call_event);
const struct call_event *__gadget_tracer_type_calls __attribute__((unused));
NAMED(gadget_tracer_lost___nowhere___call_event);
NAMED(gadget_iter_rows___no_row___walk);
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, struct call_event); __type(value, struct call_event); } calls SEC(".maps");
NAMED(gadget_mapiter_stats___calls);
NAMED(gadget_mapelem_iter_target_walk___calls);
/* After 0.55 the same is said by tags of BTF. */
#define TAG(text) __attribute__((btf_decl_tag("ig:" text)))
#define TAGGED(name, text) const int __ig_##name __attribute__((unused)) TAG(text) = 0
struct tagged_event { __u32 pid; };
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } tagged TAG("tracer_map") SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __uint(key_size, 4); __uint(value_size, 8); } tagged_lost_samples SEC(".maps");
TAGGED(tracer_news, "tracer:news___tagged___tagged_event");
const struct tagged_event *__gadget_tracer_type_news __attribute__((unused));
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, struct call_event); __type(value, struct call_event); } sums SEC(".maps");
TAGGED(mapiter_sums, "mapiter:sum___sums");
TAGGED(target, "iter_target_map:stroll___sums");
TAGGED(param_big, "param:big");
TAGGED(assert_btf, "assert:btf:kallsyms.has('a:b')");
const struct tagged_event *__ig_iter_type_rows TAG("iter_type:strolls___tagged_event");
SEC("iter/bpf_map_elem") TAG("iter:strolls") int stroll(struct bpf_iter__bpf_map_elem *ctx) { return 0; }
SEC("tracepoint/syscalls/sys_enter_umask") TAG("attach_to:program.disabled") int on_enter(void *ctx)
{
	struct call_event e = { bpf_get_current_pid_tgid() >> 32, big };
	return bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &e, sizeof(e));
}
SEC("kprobe/gadget_program_disabled") int later(void *ctx) { return 0; }
SEC("raw_tp/sys_exit") int off(void *ctx) { return 0; }
SEC("raw_tp/sys_exit") int kept(void *ctx) { return 0; }
SEC("uprobe/libc:umask") int on_libc(void *ctx) { return 0; }
SEC("perf_event/sampler") int sample(void *ctx) { return 0; }
SEC("socket1") int packets(struct __sk_buff *skb) { return 0; }
SEC("iter/bpf_map_elem") int walk(struct bpf_iter__bpf_map_elem *ctx) { return 0; }
char LICENSE[] SEC("license") = "GPL";
`;

/** Several programs that ask for the kernel's types, in sections that name no hook; and bare names behind a slash. */
const BYTECODE_MORE = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
static __always_inline int parent(void) { return BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), real_parent, tgid) ? 0 : 1; }
SEC("kprobe/first") int first(void *ctx) { return 0; }
SEC("kprobe/second") int second(void *ctx) { return parent(); }
SEC("kretprobe/third") int third(void *ctx) { return parent(); }
SEC("tracepoint/fourth") int fourth(void *ctx) { return parent(); }
SEC("kprobe/do_exit") int fifth(void *ctx) { return parent(); }
SEC("classifier/stats") int stats(struct __sk_buff *skb) { return -1; }
SEC("xdp/pass") int pass(struct xdp_md *x) { return 2; }
char LICENSE[] SEC("license") = "GPL";
`;

const box = new Sandbox();
const needsRoot = { skip: process.getuid?.() === 0 ? false : 'loading BPF needs root' };
let store: Store;
let gadget: Uint8Array;
let bytecode: Uint8Array;
let gadgetMore: Uint8Array;
let bytecodeMore: Uint8Array;

before(async () => {
  const objects = [GADGET, BYTECODE, GADGET_MORE, BYTECODE_MORE].map((text, i) => {
    writeFileSync(box.path(`${i}.c`), text);
    return compile({ source: box.path(`${i}.c`) });
  });
  [gadget, bytecode, gadgetMore, bytecodeMore] = (await Promise.all(objects)).map((r) => r.object) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  store = await Store.open(box.path('store'));
});
after(() => box[Symbol.dispose]());

/** Stores a manifest for this machine, in an index. */
async function put(name: string, config: Descriptor, layers: Descriptor[], more: object = {}): Promise<void> {
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config, layers, ...more };
  const blob = await store.putBlob(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPE.manifest);
  const manifests = [{ ...blob, platform: machinePlatform() }];
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests }));
  await store.putImage(name, index, MEDIA_TYPE.index, {}, [blob, config, ...layers]);
}

async function putGadget(name: string, yaml: string, object: Uint8Array | undefined): Promise<void> {
  const config = await store.putBlob(Buffer.from(yaml), 'application/vnd.gadget.config.v1+yaml');
  const wasm = await store.putBlob(Buffer.from('\0asm'), 'application/vnd.gadget.wasm.program.v1+binary');
  const program = object && (await store.putBlob(object, 'application/vnd.gadget.ebpf.program.v1+binary'));
  const artifactType = 'application/vnd.gadget.v1+binary';
  await put(name, config, program ? [program, wasm] : [wasm], { artifactType });
}

async function putBytecode(
  name: string,
  labels: object | undefined,
  files: Record<string, Uint8Array>,
  packing: 'gzip' | 'zstd' = 'gzip',
) {
  const dir = box.path(name.replace(':', '-'));
  mkdirSync(dir);
  for (const [file, bytes] of Object.entries(files)) writeFileSync(`${dir}/${file}`, bytes);
  const tar = execFileSync('tar', ['-cf', '-', '-C', dir, '.']);
  const rest = {
    os: 'linux',
    architecture: machinePlatform().architecture,
    rootfs: { type: 'layers', diff_ids: [] },
  };
  const config = Buffer.from(JSON.stringify({ ...rest, config: { Labels: labels } }));
  await put(name, await store.putBlob(config, 'application/vnd.oci.image.config.v1+json'), [
    await store.putBlob(
      packing === 'gzip' ? gzipSync(tar) : zstdCompressSync(tar),
      `application/vnd.oci.image.layer.v1.tar+${packing}`,
    ),
  ]);
}

/** Runs until so many events have come, while this process makes some. */
async function run(...args: string[]) {
  const making = setInterval(() => process.umask(0o22), 2);
  try {
    const ended = await box.skep(['run', '--no-prom', '-o', 'json', ...args]);
    return {
      ...ended,
      lines: ended.stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    };
  } finally {
    clearInterval(making);
  }
}

test('a gadget is narrowed by the parameters that ig has for it', needsRoot, async () => {
  const yaml = 'name: calls\nparams:\n  ebpf:\n    target_pid:\n      key: pid\n';
  await putGadget('narrow:1', yaml, gadget);
  const { stderr, lines } = await run('narrow:1', '--pid', String(process.pid), '--max-events', '2');
  assert.equal(lines.find((l) => l.map === 'print_calls')?.data.pid, process.pid, stderr);
  await box.fails(2, /cannot be narrowed by --comm[\s\S]*--pid/, ['run', 'narrow:1', '--comm', 'x']);
  const keyed = `${yaml}    targ_twice:\n      key: count-twice\n`;
  await putGadget('keyed:1', keyed, gadget);
  assert.match(await box.ok(['run', 'keyed:1', '--help']), /--count-twice +false/);
});

test(
  "Inspektor Gadget's image: tracer, map iterator, snapshot and parameters; the WASM module is named",
  needsRoot,
  async () => {
    const yaml = `name: calls\ndescription: calls of umask\nparams:\n  ebpf:\n    target_pid:\n      key: pid\n      defaultValue: "${process.pid}"\n      description: only this\n        process\n    targ_twice:\n      key: count-twice\n      defaultValue: "false"\ndataSources:\n  took:\n    fields:\n      latency:\n        annotations:\n          metrics.unit: µs\n`;
    await putGadget('gadget:1', yaml, gadget);
    const text = await box.ok(['describe', 'gadget:1']);
    assert.match(text, /^Description: +calls of umask$/m);
    assert.match(text, /^print_calls +ringbuf +struct call_event /m);
    assert.match(text, /^print_calls_lost +percpu_array .* 1$/m, 'it is not shown');
    assert.match(text, /^target_pid +__u32 .* only this process$/m);
    const { code, stderr, lines } = await run(
      'gadget:1',
      '--count-twice',
      '--summary',
      'gadget.json',
      '--max-events',
      '20',
      '--interval',
      '50ms',
      '--timeout',
      '20s',
    );
    assert.equal(code, 0, stderr);
    assert.match(stderr, /lost in print_calls: [3-9]\d* \(ring_full\)/);
    assert.match(stderr, /gadget:1: its WASM module is not run/);
    assert.match(stderr, /gadget:1: whose socket a packet is, is not looked up/);
    const of = (map: string) => lines.filter((l) => l.map === map).map((l) => l.data);
    assert.equal(of('print_calls')[0].pid, process.pid);
    assert.match(of('print_calls')[0].at, /^20\d\d-/, 'gadget_timestamp is a time');
    assert.match(of('print_calls')[0].kstack.join(' '), /syscall/, 'a stack by its functions');
    const [call] = of('print_calls');
    assert.deepEqual(call.peer, { v6: '7f00:1::', v4: '127.0.0.1' });
    assert.deepEqual(call.src, { addr: '127.0.0.1', port: 80, proto: 'TCP', version: 4 });
    assert.deepEqual(call.dst, { addr: 'fd00::1', port: 53, proto: 'UDP', version: 6 });
    assert.deepEqual(call.server, { addr: '10.0.0.2', version: 4 });
    assert.deepEqual(call.nobody, { addr: '', version: 0 });
    assert.deepEqual([call.how_raw, call.one_raw, call.wide_raw], ['FAST|COLD|0x40', 'LOUD', 'NEAR|FAR']);
    assert.deepEqual([call.gid, call.mode_raw], [0, 0o100640], 'names are for people');
    assert.deepEqual([call.syscall_raw, call.unknown_raw], ['umask', '-1']);
    assert.deepEqual(call.ustack, { stack_id: [] }, 'none is taken, and none lost');
    assert.match(stderr, /on_nobody was left out: .*no program or library is called libnobody-has-this/);
    const summary = JSON.parse(readFileSync(box.path('gadget.json'), 'utf8'));
    assert.deepEqual(summary.loss_unknown, ['ig_kstack'], "of the map of users' stacks none was asked for");
    const took = of('hist_took').at(-1);
    assert.equal(took.pid, process.pid);
    assert.ok(took.count >= 1, JSON.stringify(took));
    const totals = of('print_totals').at(-1);
    assert.deepEqual(
      { ...totals, twice: totals.twice / 2 },
      { pid: process.pid, calls: totals.calls, twice: totals.calls },
    );
    assert.equal(of('each_task')[0].pid, process.pid);
  },
);

test("bpfman's image: the hook is given by --attach, and nothing runs without", needsRoot, async () => {
  await putBytecode(
    'bytecode:1',
    { 'io.ebpf.programs': '{"on_umask":"tracepoint"}' },
    { 'prog.o': bytecode },
  );
  await box.fails(2, /Program "on_umask" cannot be attached/, ['run', 'bytecode:1', '--timeout', '1s']);
  const set = ['--set', `target_pid=${process.pid}`];
  const attach = ['--attach', 'on_umask=syscalls:sys_enter_umask'];
  const { code, stderr } = await run(
    'bytecode:1',
    ...attach,
    ...set,
    '--summary',
    'sum.json',
    '--timeout',
    '700ms',
  );
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(readFileSync(box.path('sum.json'), 'utf8')).series, 1, stderr);
  // As podman packs it with --compression-format zstd.
  await putBytecode(
    'zstd:1',
    { 'io.ebpf.programs': '{"on_umask":"tracepoint"}' },
    { 'prog.o': bytecode },
    'zstd',
  );
  assert.match(await box.ok(['describe', 'zstd:1']), /on_umask +tracepoint/);
});

test(
  'of bpfman, each program keeps what belongs to it when its section loses the hook',
  needsRoot,
  async () => {
    const programs = '{"second":"kprobe","stats":"tc","pass":"xdp"}';
    await putBytecode('more:1', { 'io.ebpf.programs': programs }, { bytecode: bytecodeMore });
    const { objects } = await unpackImage(store, (await store.resolve('more:1'))!);
    const { bytes } = objects[0]!;
    const targets = Object.fromEntries(describeObject(bytes, 'x').programs.map((p) => [p.name, p.target]));
    assert.deepEqual(
      { ...targets, stats: undefined, pass: undefined },
      { first: '', second: '', third: '', fourth: '', fifth: 'do_exit', stats: undefined, pass: undefined },
    );
    const [before, after] = [bytecodeMore, bytes].map((b) => parseObject(b, 'x'));
    const places = ({ elf, btf }: { elf: Elf; btf: Btf }) =>
      coreRelocations(elf, btf).map((r) => [r.section.replace(/[()]/g, ''), r.offset, r.access]);
    assert.deepEqual(places(after!), places(before!));
    using object = BpfObject.open(bytes, { name: 'more' });
    await object.load(); // libbpf finds each relocation's program by the name of its section
  },
);

test('of Inspektor Gadget, what is off stays off, and what points somewhere does', needsRoot, async () => {
  const yaml = `unknown: [1, {a: b}]
params: {ebpf: {big: {defaultValue: 18446744073709551615}}}
programs:
  off: {attach_to: gadget_program_disabled}
  sampler: {perf: {type: software}, sampler: {frequency: 99}}
`;
  await putGadget('more-gadget:1', yaml, gadgetMore);
  const image = await unpackImage(store, (await store.resolve('more-gadget:1'))!);
  assert.deepEqual(image.params, ['big=18446744073709551615']);
  assert.deepEqual(image.attach?.toSorted(), [
    'kept=sys_exit',
    'sample=99hz',
    'stroll=print_sum',
    'walk=print_stats',
  ]);
  assert.deepEqual(image.notes?.slice(0, 5), [
    'the tracer lost is not shown: the object has no map nowhere',
    'the iterator rows is not shown: the object has no struct no_row',
    'where on_enter goes is not evaluated: program.disabled',
    "the condition btf is not evaluated: kallsyms.has('a:b')",
    'it leaves later, off out unless its WASM module says where: --attach can say it',
  ]);
  const { bytes } = image.objects[0]!;
  const { programs, maps, params } = describeObject(bytes, 'x');
  assert.deepEqual(
    programs.filter((p) => !p.autoload).map((p) => p.name),
    ['later', 'off', 'kept'],
  );
  const shown = Object.fromEntries(maps.map((m) => [m.name, m.valueType]));
  assert.equal(shown.print_calls, 'struct call_event');
  assert.equal(shown.print_news, 'struct tagged_event');
  assert.ok('print_sum' in shown && 'print_news_lost' in shown, Object.keys(shown).join());
  assert.deepEqual(
    params.map((p) => p.name),
    ['big'],
  );
  // Without the only library that it looks into, a gadget is refused.
  assert.equal(programs.find((p) => p.name === 'on_libc')?.optional, false);
  using object = BpfObject.open(bytes, { name: 'more' });
  // Not every kernel has this one.
  for (const name of ['walk', 'stroll']) object.program(name).autoload = false;
  await object.load();
  using _link = object.program('on_libc').attach();
});

test('what is not as its maker says is refused with a reason', async () => {
  const refused = async (name: string, why: RegExp, code = 'SKEP_IMAGE_INVALID') =>
    assert.rejects(
      unpackImage(store, (await store.resolve(name))!),
      (e: Error) => e instanceof ProbeError && e.code === code && why.test(e.message) && e.hint !== '',
    );
  await putGadget('no-object:1', 'name: x', undefined);
  await refused('no-object:1', /gadget without a BPF program/);
  await putGadget('bad-yaml:1', 'a: [', gadget);
  await refused('bad-yaml:1', /gadget\.yaml is no YAML/);
  await putGadget('alias:1', 'name: *nobody', gadget);
  await refused('alias:1', /gadget\.yaml is no YAML: Unresolved alias/);
  await putGadget('no-elf:1', 'name: x', Buffer.from('text'));
  await refused('no-elf:1', /program\.o is no probe/);
  const labels = (programs: string) => ({ 'io.ebpf.programs': programs });
  await putBytecode('two:1', labels('{}'), { 'a.o': bytecode, 'b.o': bytecode });
  await refused('two:1', /holds 2 objects/);
  await putBytecode('wrong:1', labels('{"nobody":"xdp"}'), { 'a.o': bytecode });
  await refused('wrong:1', /names nobody/);
  await putBytecode('json:1', labels('{'), { 'a.o': bytecode });
  await refused('json:1', /is not JSON/);
  await putBytecode('list:1', labels('["on_umask"]'), { 'a.o': bytecode });
  await refused('list:1', /names no programs and types/);
  await putBytecode('plain:1', undefined, { 'a.o': bytecode });
  await refused('plain:1', /no probe but a container image/, 'SKEP_IMAGE_UNSUPPORTED');
  // What is known of any image is shown all the same, as of one that skep package made.
  const [shown] = JSON.parse(await box.ok(['inspect', 'plain:1']));
  const plain = (await store.resolve('plain:1'))!;
  assert.deepEqual(
    [shown.Digest, shown.Platform, shown.Objects, shown.Layers.length, shown.Manifest.config],
    [plain.descriptor.digest, formatPlatform(machinePlatform()), [], 1, plain.manifest.config],
  );
  const kinds = (layers: { Kind: string }[]) => layers.map((l) => l.Kind);
  const [container, probe] = JSON.parse(await box.ok(['inspect', 'plain:1', 'zstd:1']));
  assert.deepEqual([kinds(container.Layers), kinds(probe.Layers)], [[''], ['object']]);
});
