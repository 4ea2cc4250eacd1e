import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BpfObject, parseObject } from '@skep/bpf';
import { ElfEditor } from '../src/foreign/elf-edit.ts';
import { describeObject, effectsOf } from '../src/index.ts';
import { build, Folder } from './support.ts';

const SOURCE = `
SKEP_HASH(seen, __u32, __u64, 64);
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *p) __ksym __weak;
extern int bpf_sock_destroy(struct sock_common *sk) __ksym __weak;
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u32); } jumps SEC(".maps");

static __noinline int count(__u32 key) { skep_add(&seen, &key, 1); return XDP_PASS; }
static __noinline int judge(struct xdp_md *ctx) { return ctx->ingress_ifindex == 7 ? XDP_DROP : XDP_PASS; }
static __noinline void paint(__u8 *at) { *at = 1; }
static long each(__u32 i, void *ctx) { bpf_send_signal(9); return 0; }

SEC("xdp") int x_pass(struct xdp_md *ctx) { count(ctx->ingress_ifindex); return XDP_PASS; }
SEC("xdp") int x_pass_call(struct xdp_md *ctx) { return count(1); }
SEC("xdp") int x_reads(struct xdp_md *ctx) {
  __u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  __u32 key = 0;
  if (data + 64 > end) return XDP_PASS;
  key = data[12];
  count(key);
  return XDP_PASS;
}
SEC("xdp") int x_drop(struct xdp_md *ctx) { return ctx->rx_queue_index ? XDP_DROP : XDP_PASS; }
SEC("xdp") int x_drop_call(struct xdp_md *ctx) { return judge(ctx); }
SEC("xdp") int x_unknown(struct xdp_md *ctx) { return ctx->rx_queue_index; }
SEC("xdp") int x_tail(struct xdp_md *ctx) { bpf_tail_call(ctx, &jumps, 0); return XDP_PASS; }
SEC("xdp") int x_writes(struct xdp_md *ctx) {
  __u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  if (data + 64 > end) return XDP_PASS;
  data[0] = 1;
  return XDP_PASS;
}
SEC("xdp") int x_writes_call(struct xdp_md *ctx) {
  __u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  if (data + 64 > end) return XDP_PASS;
  paint(data + 3);
  return XDP_PASS;
}
SEC("xdp") int x_writes_spilled(struct xdp_md *ctx) {
  __u8 *volatile data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  if (data + 64 > end) return XDP_PASS;
  *data = 1;
  return XDP_PASS;
}
enum xdp_action___odd { XDP_DROP___odd = 2 };
struct list_head___odd { char room[16]; __u32 next; } __attribute__((preserve_access_index));
SEC("xdp") int x_changed(struct xdp_md *ctx) { return bpf_core_enum_value(enum xdp_action___odd, XDP_DROP___odd); }
SEC("xdp") int x_elsewhere(struct xdp_md *ctx) {
  __u8 *data = (void *)(long)((struct list_head___odd *)ctx)->next, *end = (void *)(long)ctx->data_end;
  if (data + 64 > end) return XDP_PASS;
  *data = 1;
  return XDP_PASS;
}
SEC("tc") int t_elsewhere(struct __sk_buff *skb) { ((struct list_head___odd *)skb)->next = 1; return 0; }
SEC("tc") int t_pass(struct __sk_buff *skb) { skb->cb[0] = 1; return skb->len > 100 ? 0 : -1; }
SEC("tc") int t_shot(struct __sk_buff *skb) { return skb->len > 100 ? 2 : 0; }
SEC("tc") int t_mark(struct __sk_buff *skb) { skb->mark = 1; return 0; }
SEC("tc") int t_store(struct __sk_buff *skb) { __u8 b = 1; bpf_skb_store_bytes(skb, 0, &b, 1, 0); return 0; }
SEC("cgroup_skb/egress") int c_pass(struct __sk_buff *skb) { return 1; }
SEC("cgroup_skb/egress") int c_drop(struct __sk_buff *skb) { return skb->len < 100; }
SEC("cgroup/connect4") int a_pass(struct bpf_sock_addr *ctx) { return 1; }
SEC("cgroup/connect4") int a_redirects(struct bpf_sock_addr *ctx) { ctx->user_port = 1; return 1; }
SEC("sockops") int o_pass(struct bpf_sock_ops *ctx) { return 0; }
SEC("sockops") int o_reply(struct bpf_sock_ops *ctx) { ctx->reply = 5; return 1; }
SEC("lsm/file_open") int l_pass(void *ctx) { return 0; }
SEC("lsm/file_open") int l_deny(__u64 *ctx) { return ctx[0] ? -1 : 0; }
SEC("raw_tp/sys_enter") int r_looks(void *ctx) { struct task_struct *t = bpf_task_from_pid(1); if (t) bpf_task_release(t); return 7; }
SEC("raw_tp/sys_enter") int r_kfunc(void *ctx) { bpf_sock_destroy(0); return 0; }
SEC("raw_tp/sys_enter") int r_signal(void *ctx) { bpf_send_signal(9); return 0; }
SEC("raw_tp/sys_enter") int r_callback(void *ctx) { bpf_loop(3, each, 0, 0); return 0; }
SEC("kprobe/f") int k_override(struct pt_regs *ctx) { bpf_override_return(ctx, -1); return 0; }
SEC("uprobe") int u_write(struct pt_regs *ctx) { int v = 1; bpf_probe_write_user((void *)1, &v, 4); return 0; }
SEC("uprobe.multi") int u_registers(__u64 *ctx) { ctx[0] = 1; return 0; }
SEC("usdt") int u_usdt(__u64 *ctx) { ctx[1] = 1; return 0; }
SEC("socket") int s_any(struct __sk_buff *skb) { return skb->len; }
`;

test('what a program can do besides looking is read from its code', async () => {
  const bytes = await build(SOURCE);
  const { elf, btf } = parseObject(bytes, 'effects.o');
  const { programs } = describeObject(bytes, 'effects.o');
  const found = effectsOf(elf, btf, programs);
  const looking = programs.map((p) => p.name).filter((name) => !found.has(name));
  assert.deepEqual(looking, [
    'x_pass',
    'x_pass_call',
    'x_reads',
    'x_tail',
    't_pass',
    'c_pass',
    'a_pass',
    'o_pass',
    'l_pass',
    'r_looks',
    's_any',
  ]);
  const expected: Record<string, [what: RegExp, line: RegExp]> = {
    x_drop: [/^can return 1 \(XDP_DROP\), which would drop, send back or redirect packets$/, /XDP_DROP/],
    x_drop_call: [/^can return 1 \(XDP_DROP\)/, /judge\(ctx\)/],
    x_unknown: [/^returns a value that cannot be told from its code/, /x_unknown|rx_queue_index/],
    x_writes: [/^writes to the packet$/, /data\[0\] = 1/],
    x_writes_call: [/^writes to the packet$/, /\*at = 1/],
    x_writes_spilled: [/^writes to the packet$/, /\*data = 1/],
    x_changed: [/^returns a value that cannot be told from its code/, /x_changed/],
    x_elsewhere: [/^writes to the packet$/, /\*data = 1/],
    t_elsewhere: [/^writes to its context$/, /next = 1/],
    t_shot: [/^can return 2 \(TC_ACT_SHOT\)/, /t_shot/],
    t_mark: [/^writes to its context$/, /skb->mark = 1/],
    t_store: [/^calls bpf_skb_store_bytes\(\)$/, /bpf_skb_store_bytes/],
    c_drop: [/^can return 0 \(drop\), which would drop packets$|cannot be told/, /c_drop/],
    a_redirects: [/^writes to its context$/, /user_port/],
    o_reply: [/^writes to its context$/, /reply/],
    l_deny: [/^can return -1, which would forbid what it is asked about$/, /l_deny/],
    r_kfunc: [/^calls bpf_sock_destroy\(\), which may change something$/, /bpf_sock_destroy/],
    r_signal: [/^calls bpf_send_signal\(\)$/, /r_signal/],
    r_callback: [/^calls bpf_send_signal\(\)$/, /bpf_send_signal/],
    k_override: [/^calls bpf_override_return\(\)$/, /bpf_override_return/],
    u_registers: [/^writes to its context$/, /ctx\[0\] = 1/],
    u_usdt: [/^writes to its context$/, /ctx\[1\] = 1/],
    u_write: [/^calls bpf_probe_write_user\(\)$/, /bpf_probe_write_user/],
  };
  assert.deepEqual([...found.keys()].sort(), Object.keys(expected).sort());
  for (const [name, [what, line]] of Object.entries(expected)) {
    const effects = found.get(name)!;
    const one = effects.find((e) => what.test(e.what));
    assert.ok(one, `${name}: ${effects.map((e) => e.what).join('; ')}`);
    assert.match(one.source?.text ?? '', line, name);
  }
});

test('what is read is the program, whatever else an object calls by its name', async () => {
  using folder = new Folder();
  const parts = [
    `static __noinline int kill_it(__u64 *c) { return c[0] > 3; } SEC("raw_tp/sys_exit") int looks(__u64 *ctx) { kill_it(ctx); return 0; }`,
    `SEC("raw_tp/sys_enter") int kill_it(void *ctx) { bpf_send_signal(9); return 0; }`,
  ];
  const files = await Promise.all(parts.map(async (p, i) => folder.write(`${i}.o`, await build(p))));
  const linked = join(folder.path, 'linked.o');
  execFileSync('bpftool', ['gen', 'object', linked, ...files]);
  assert.deepEqual(effectsIn(readFileSync(linked)), { kill_it: ['calls bpf_send_signal()'] });
});

test('of two programs of one name nothing is said', async () => {
  const file = new ElfEditor(
    await build(
      `SEC("raw_tp/sys_exit") int skep_t_a(void *ctx) { return 0; } SEC("raw_tp/sys_enter") int skep_t_b(void *ctx) { return 0; }`,
    ),
  );
  file.renameSymbol('skep_t_b', 'skep_t_a');
  assert.throws(() => describeObject(file.bytes, 'twice.o'), {
    code: 'SKEP_OBJECT_INVALID',
    message: 'Two programs of twice.o are called skep_t_a.',
  });
  assert.throws(() => BpfObject.open(file.bytes, { name: 'twice.o' }), {
    code: 'SKEP_LOAD',
    message: 'Two programs of twice.o are called skep_t_a',
  });
});

test('a call that leads into the middle of a function is one of the function, as libbpf makes it', async () => {
  const bytes = await build(`
static __noinline int kill_it(__u64 *c) { bpf_send_signal(9); return c[0] > 3; }
SEC("raw_tp/sys_exit") int skep_t_calls(__u64 *ctx) { return kill_it(ctx); }`);
  const { elf } = parseObject(bytes, 'calls.o');
  const code = elf.section('raw_tp/sys_exit')!.data;
  const call = Array.from(code.keys()).find(
    (at) => at % 8 === 0 && code[at] === 0x85 && code[at + 1]! >> 4 === 1,
  )!;
  assert.deepEqual(effectsIn(bytes), { skep_t_calls: ['calls bpf_send_signal()'] });
  // A view into `bytes`.
  const words = new DataView(code.buffer, code.byteOffset);
  words.setInt32(call + 4, words.getInt32(call + 4, true) + 1, true);
  assert.deepEqual(effectsIn(bytes), { skep_t_calls: ['calls bpf_send_signal()'] });
});

test('code that is never loaded hides nothing of what is', async () => {
  const bytes = await build(`
asm(".text\\n.type skep_t_dead, @function\\nskep_t_dead: .byte 0x18, 0, 0, 0, 0, 0, 0, 0\\n.size skep_t_dead, 8\\n");
static __noinline int skep_t_signal(__u32 number) { return bpf_send_signal(number); }
SEC("raw_tp/sys_enter") int skep_t_calls(__u64 *ctx) { return skep_t_signal(ctx[1]); }`);
  assert.deepEqual(effectsIn(bytes), { skep_t_calls: ['calls bpf_send_signal()'] });
});

function effectsIn(bytes: Uint8Array): Record<string, string[]> {
  const { elf, btf } = parseObject(bytes, 'effects.o');
  const found = effectsOf(elf, btf, describeObject(bytes, 'effects.o').programs);
  return Object.fromEntries([...found].map(([program, effects]) => [program, effects.map((e) => e.what)]));
}
