// Images of other tools, made here as their makers' specifications say, and run.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type Descriptor, MEDIA_TYPE, machinePlatform, Store } from '@skep/oci';
import { compile, ProbeError, unpackImage } from '@skep/probe';
import { Sandbox } from './harness.ts';

const UMASK = process.arch === 'x64' ? 95 : 166;

/** What Inspektor Gadget's macros leave behind: variables whose names say what maps and programs are for. */
const GADGET = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#define NAMED(name) const void *name __attribute__((unused))
typedef __u64 gadget_timestamp;
const volatile __u32 target_pid = 0;
NAMED(gadget_param_target_pid);
struct call_event { gadget_timestamp at; __u32 pid; char comm[16]; };
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 65536); } events SEC(".maps");
NAMED(gadget_tracer_calls___events___call_event);
const struct call_event *__gadget_tracer_type_calls __attribute__((unused));
struct call_key { __u32 pid; };
struct call_stat { __u64 calls; __u64 twice; };
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct call_key);
	__type(value, struct call_stat);
} stats SEC(".maps");
NAMED(gadget_mapiter_totals___stats);
struct task_row { __u32 pid; char comm[16]; };
NAMED(gadget_snapshotter_processes___task_row___each_task);
const struct task_row *unusedevent_processes___task_row __attribute__((unused));
SEC("raw_tp/sys_enter") int on_enter(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	if (ctx->args[1] != ${UMASK} || !target_pid || pid != target_pid)
		return 0;
	struct call_key key = { pid };
	struct call_stat zero = {}, *stat;
	bpf_map_update_elem(&stats, &key, &zero, BPF_NOEXIST);
	stat = bpf_map_lookup_elem(&stats, &key);
	if (stat) {
		stat->calls++;
		stat->twice += 2;
	}
	struct call_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return 0;
	e->at = bpf_ktime_get_ns();
	e->pid = pid;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
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

/** As in bpfman's examples: what stands behind the slash is a name, and no hook. */
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
SEC("tracepoint/on_umask") int on_umask(void *ctx)
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

const box = new Sandbox();
const needsRoot = { skip: process.getuid?.() === 0 ? false : 'loading BPF needs root' };
let store: Store;
let gadget: Uint8Array;
let bytecode: Uint8Array;

before(async () => {
  writeFileSync(box.path('gadget.c'), GADGET);
  writeFileSync(box.path('bytecode.c'), BYTECODE);
  const objects = ['gadget.c', 'bytecode.c'].map((source) => compile({ source: box.path(source) }));
  [gadget, bytecode] = (await Promise.all(objects)).map((r) => r.object) as [Uint8Array, Uint8Array];
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

async function putBytecode(name: string, labels: object | undefined, files: Record<string, Uint8Array>) {
  const dir = box.path(name.replace(':', '-'));
  mkdirSync(dir);
  for (const [file, bytes] of Object.entries(files)) writeFileSync(`${dir}/${file}`, bytes);
  execFileSync('tar', ['-czf', `${dir}.tgz`, '-C', dir, '.']);
  const rest = {
    os: 'linux',
    architecture: machinePlatform().architecture,
    rootfs: { type: 'layers', diff_ids: [] },
  };
  const config = Buffer.from(JSON.stringify({ ...rest, config: { Labels: labels } }));
  await put(name, await store.putBlob(config, 'application/vnd.oci.image.config.v1+json'), [
    await store.putBlob(readFileSync(`${dir}.tgz`), 'application/vnd.oci.image.layer.v1.tar+gzip'),
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

test(
  "Inspektor Gadget's image: tracer, map iterator, snapshot and parameters; the WASM module is named",
  needsRoot,
  async () => {
    const yaml = `name: calls\ndescription: calls of umask\nparams:\n  ebpf:\n    target_pid:\n      key: pid\n      defaultValue: "${process.pid}"\n`;
    await putGadget('gadget:1', yaml, gadget);
    const text = await box.ok(['describe', 'gadget:1']);
    assert.match(text, /^Description: +calls of umask$/m);
    assert.match(text, /^print_calls +ringbuf +struct call_event /m);
    const { code, stderr, lines } = await run(
      'gadget:1',
      '--max-events',
      '20',
      '--interval',
      '50ms',
      '--timeout',
      '20s',
    );
    assert.equal(code, 0, stderr);
    assert.match(stderr, /gadget:1: its WASM module is not run/);
    const of = (map: string) => lines.filter((l) => l.map === map).map((l) => l.data);
    assert.equal(of('print_calls')[0].pid, process.pid);
    assert.match(of('print_calls')[0].at, /^20\d\d-/, 'gadget_timestamp is a time');
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
  await putGadget('no-elf:1', 'name: x', Buffer.from('text'));
  await refused('no-elf:1', /program\.o is no probe/);
  const labels = (programs: string) => ({ 'io.ebpf.programs': programs });
  await putBytecode('two:1', labels('{}'), { 'a.o': bytecode, 'b.o': bytecode });
  await refused('two:1', /holds 2 objects/);
  await putBytecode('wrong:1', labels('{"nobody":"xdp"}'), { 'a.o': bytecode });
  await refused('wrong:1', /names nobody/);
  await putBytecode('json:1', labels('{'), { 'a.o': bytecode });
  await refused('json:1', /is not JSON/);
  await putBytecode('plain:1', undefined, { 'a.o': bytecode });
  await refused('plain:1', /no probe but a container image/, 'SKEP_IMAGE_UNSUPPORTED');
});
