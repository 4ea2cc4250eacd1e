import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BpfError } from '@skep/bpf';
import fc from 'fast-check';
import { describeObject, outputOf, ProbeError, readTags } from '../src/index.ts';
import { build, PROGRAM, tool } from './support.ts';

const SOURCE = `
enum color { RED = 1, GREEN = 2 };
struct where { ipv4_addr peer; char comm[16]; };
SKEP_RINGBUF(print_calls, struct where, 256 * 1024) SKEP_HELP("one row a call");
SKEP_PERCPU_HASH(counter_calls, struct where, __u64, 1024) SKEP_UNIT("calls") SKEP_SHARED;
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __uint(key_size, 8); __uint(value_size, 4); } sized SEC(".maps");
SKEP_PARAM(__u16, port, 0x1f90, "the port = the door");
SKEP_PARAM(enum color, tint, GREEN, "a colour");
SKEP_PARAM(ipv4_addr, peer, 0x0100007f, "who");
SKEP_UNIT("ms") SKEP_PARAM(duration_ms, least, 5, "shortest");
SKEP_PARAM_STRING(path, 32, "where");
SKEP_PARAM(bool, every, true, "everything");
SKEP_PARAM(__s64, far, -9007199254740993LL, "exact");
const volatile __u16 ports[4] = { 80, 443 };
const volatile struct where whole = {};
const volatile int __private = 1;
const int not_volatile = 1;
volatile int not_const = 1;
static const volatile int local = 3;
/** help of a program */
SKEP_OPTIONAL SKEP_HELP("exits") SEC("?tracepoint/sched/sched_process_exit")
int on_exit(void *ctx) { bpf_printk("hidden format %d", local); return 0; }
SEC("kprobe/tcp_v4_connect") int on_connect(struct pt_regs *ctx) { return not_const + port; }
static __attribute__((noinline)) int helper(int x) { return x + every; }
SEC("tp_btf/sys_enter") int on_enter(void *ctx) { return helper(1); }
`;

test('an object says what it is', async () => {
  const d = describeObject(await build(SOURCE), 'probe.o');
  assert.deepEqual([d.name, d.machine, d.license], ['probe.o', 'bpf', 'GPL']);
  assert.deepEqual(
    d.programs.map((p) => [p.name, p.section, p.type, p.target, p.autoload, p.optional, p.help]),
    [
      [
        'on_exit',
        '?tracepoint/sched/sched_process_exit',
        'tracepoint',
        'sched/sched_process_exit',
        false,
        true,
        'exits',
      ],
      ['on_connect', 'kprobe/tcp_v4_connect', 'kprobe', 'tcp_v4_connect', true, false, undefined],
      ['on_enter', 'tp_btf/sys_enter', 'tp_btf', 'sys_enter', true, false, undefined],
    ],
  );
  const { keyTypeId, valueTypeId, ...ring } = d.maps[0]!;
  assert.equal(keyTypeId, 0);
  assert.ok(valueTypeId > 0);
  assert.deepEqual(ring, {
    name: 'print_calls',
    type: 'ringbuf',
    maxEntries: 262144,
    keySize: 0,
    valueSize: 20,
    keyType: '',
    valueType: 'struct where',
    output: { kind: 'print', name: 'calls' },
    help: 'one row a call',
    unit: undefined,
    shared: false,
  });
  assert.deepEqual(
    d.maps.slice(1).map((m) => [m.name, m.type, m.keyType, m.valueType, m.unit, m.shared, m.output?.kind]),
    [
      ['counter_calls', 'percpu_hash', 'struct where', '__u64', 'calls', true, 'counter'],
      ['sized', 'hash', '8 bytes', '4 bytes', undefined, false, undefined],
    ],
  );
  assert.deepEqual(
    d.params.map((p) => [p.name, p.type, p.size, p.default, p.defaultText, p.help]),
    [
      ['port', '__u16', 2, 8080, '8080', 'the port = the door'],
      ['tint', 'enum color', 4, 'GREEN', 'GREEN', 'a colour'],
      ['peer', 'ipv4_addr', 4, '127.0.0.1', '127.0.0.1', 'who'],
      ['least', 'duration_ms', 8, 5, '5ms', 'shortest'],
      ['path', 'char[32]', 32, '', '', 'where'],
      ['every', 'bool', 1, true, 'true', 'everything'],
      ['far', '__s64', 8, -9007199254740993n, '-9007199254740993', 'exact'],
      ['ports', '__u16[4]', 8, [80, 443, 0, 0], '80,443,0,0', undefined],
      ['whole', 'struct where', 20, null, '', undefined],
    ],
  );
});

test('names and sizes are those that bpftool reads', async () => {
  const object = await build(SOURCE);
  const dump = tool(object, 'bpftool', 'btf', 'dump', 'file', '{}');
  const globals = [...dump.matchAll(/VAR '(\w+)' type_id=\d+, linkage=global/g)].map((m) => m[1]);
  const d = describeObject(object, 'probe.o');
  for (const { name } of [...d.params, ...d.maps]) assert.ok(globals.includes(name), name);
});

test('an object without a program, or without types, is refused', async () => {
  const invalid = (code: string) => (e: unknown) =>
    (e instanceof ProbeError || e instanceof BpfError) && e.code === code;
  const empty = await build('int nothing;');
  assert.throws(() => describeObject(empty, 'empty.o'), invalid('SKEP_OBJECT_INVALID'));
  assert.throws(() => describeObject(Buffer.from('text'), 'x'), invalid('SKEP_ELF_INVALID'));
});

test('flipped and missing bytes are one of our errors or another description, never anything else', async () => {
  const object = await build(SOURCE);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(object.length - 1), fc.integer({ min: 1, max: 255 })), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.option(fc.nat(object.length)),
      (flips, cut) => {
        const bytes = object.slice(0, cut ?? object.length);
        for (const [at, mask] of flips) if (at < bytes.length) bytes[at]! ^= mask;
        try {
          describeObject(bytes, 'flipped.o');
        } catch (e) {
          assert.ok(
            (e instanceof BpfError || e instanceof ProbeError) && e.hint.length > 0,
            String((e as Error).stack),
          );
        }
      },
    ),
    { numRuns: 400 },
  );
});

test('prefixes and tags', () => {
  assert.deepEqual(outputOf('hist_time_us'), { kind: 'hist', name: 'time_us' });
  assert.equal(outputOf('printed'), undefined);
  const tags = readTags(['skep:help=a=b', 'skep:unit=', 'skep:label', 'other', 'skep:']);
  assert.deepEqual([tags.help, tags.unit, [...tags.flags]], ['a=b', '', ['label']]);
});

test('the smallest probe has no maps and no parameters', async () => {
  const d = describeObject(await build(PROGRAM), 'x');
  assert.deepEqual([d.maps, d.params], [[], []]);
});
