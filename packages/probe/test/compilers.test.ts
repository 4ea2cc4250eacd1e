// What people compile with differs: the same source, by every supported compiler for every instruction set, says the
// same in the running kernel.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { BpfObject, compileDecoder, openRingBuffer } from '@skep/bpf';
import { compile, describeObject, typeFormats } from '../src/index.ts';
import { Folder } from './support.ts';

const source = `#include "skep.h"
enum mood { CALM = 1, ANGRY = -3 };
union either { __u32 word; __u8 bytes[4]; };
struct inner { __u16 port; __s64 delta; };
struct event {
	__u8 tag;
	__u64 big;
	__s32 negative;
	enum mood mood;
	bool yes;
	unsigned int low : 3;
	int high : 7;
	struct inner inner;
	union either either;
	__u16 list[3];
	char comm[8];
	ipv4_addr peer;
	duration_ns took;
};
SKEP_PARAM(__u32, wanted, 7, "seen in the record");
SKEP_RINGBUF(print_events, struct event, 4096) SKEP_HELP("one");
SKEP_HASH(counter_moods, enum mood, __u64, 8);

static __attribute__((noinline)) int twice(int n) { return n * 2; }

SEC("raw_tp/sys_enter")
int one(struct bpf_raw_tracepoint_args *ctx)
{
	enum mood mood = ANGRY;
	struct event *e = skep_reserve(print_events, struct event);

	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	e->tag = 255;
	e->big = 18446744073709551615ULL;
	e->negative = twice(-21) + (wanted == 7 ? 0 : 1);
	e->mood = mood;
	e->yes = true;
	e->low = 5;
	e->high = -2;
	e->inner.port = 443;
	e->inner.delta = -9007199254740993LL;
	e->either.word = 0x01020304;
	e->list[2] = 9;
	__builtin_memcpy(e->comm, "clang", 6);
	e->peer = bpf_htonl(0x0a000001);
	e->took = 1500000;
	skep_submit(e);
	skep_add(&counter_moods, &mood, 3);
	return 0;
}
char LICENSE[] SEC("license") = "Dual BSD/GPL";
`;

const expected =
  '{"tag":255,"big":18446744073709551615,"negative":-42,"mood":"ANGRY","yes":true,"low":5,"high":-2,' +
  '"inner":{"port":443,"delta":-9007199254740993},"either":{"word":16909060,"bytes":[4,3,2,1]},"list":[0,0,9],' +
  '"comm":"clang","peer":"10.0.0.1","took":1500000}';

/** clang learnt v4 with 18. */
const compilers = [
  { clang: 'clang-14', sets: ['v1', 'v2', 'v3'] },
  { clang: 'clang-16', sets: ['v1', 'v2', 'v3'] },
  { clang: 'clang-19', sets: ['v1', 'v2', 'v3', 'v4'] },
];

/** What the probe submits when it is run once: the record as JSON, and the counter's value. */
async function runOnce(object: Uint8Array): Promise<[json: string, count: bigint]> {
  using o = BpfObject.open(object, { name: 'compilers' });
  await o.load();
  const map = o.map('print_events');
  using reader = openRingBuffer(map);
  o.program('one').testRun({ context: new Uint8Array(16) });
  const decoder = compileDecoder(o.btf, o.btf.find('event', 'struct')!.id, { format: typeFormats });
  const seen: string[] = [];
  reader.drain((offset, length) => {
    seen.push(decoder.json(reader.view, offset, length));
  }, 10);
  assert.equal(seen.length, 1);
  const key = new Uint8Array(new Int32Array([-3]).buffer);
  const value = o.map('counter_moods').get(key);
  return [seen[0]!, value ? new DataView(value.buffer, value.byteOffset).getBigUint64(0, true) : 0n];
}

const needsRoot = { skip: process.getuid?.() !== 0 && 'loads a program: needs root' };

for (const { clang, sets } of compilers) {
  for (const cpu of sets) {
    test(`${clang} -mcpu=${cpu}: described and decoded alike`, needsRoot, async () => {
      using folder = new Folder();
      const { object } = await compile({ source: folder.write('probe.c', source), clang, cpu });
      const { programs, maps, params } = describeObject(object, 'compilers');
      assert.deepEqual(
        [
          programs.map((p) => p.name),
          maps.filter((m) => m.output).map((m) => m.name),
          params.map((p) => p.name),
        ],
        [['one'], ['print_events', 'counter_moods'], ['wanted']],
      );
      assert.deepEqual(await runOnce(object), [expected, 3n]);
    });
  }
}

test('these are other compilers', () => {
  for (const { clang } of compilers) {
    assert.match(
      execFileSync(clang, ['--version'], { encoding: 'utf8' }),
      new RegExp(`version ${clang.slice(6)}\\.`),
    );
  }
});
