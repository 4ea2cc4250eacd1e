import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cpuMs } from '../../../test/support/cpu-time.ts';
import { Elf } from '../src/elf/elf.ts';
import { explainVerifierLog } from '../src/verifier/explain.ts';
import { compileBpf } from './support/clang.ts';
import { PRELUDE } from './support/prelude.ts';

const read = (name: string) =>
  readFileSync(join(import.meta.dirname, 'fixtures/verifier', `${name}.txt`), 'utf8');

/** Logs of real kernels, in the form of their version: [reason, source, part of the hint]. */
const EXPECTED: Record<string, [string, string | undefined, RegExp]> = {
  '4.19-backedge': ['back-edge from insn 11 to 4', undefined, /constant bound/],
  '5.10-inv': ["R0 invalid mem access 'inv'", 'return u->tgid;', /BPF_CORE_READ/],
  '5.10-stack': [
    'invalid indirect read from stack off -24+1 size 16',
    'bpf_map_update_elem(&m, &k, &one, 0);',
    /set it to zero/,
  ],
  '5.10-too-large': [
    'BPF program is too large. Processed 1000001 insn',
    'for (int i = 0; i < 5000000; i++) {',
    /gave up/,
  ],
  '5.10-unknown-func': ['invalid func unknown#173', 'bpf_get_func_ip(ctx);', /older kernels lack/],
  '6.12-lsmoff': [
    'attach_btf_id 35303 points to disabled hook bpf_lsm_vm_enough_memory',
    undefined,
    /keeps programs off that hook/,
  ],
  '6.18-big': [
    'The sequence of 8193 jumps is too complex.',
    'big.c:6: if (bpf_get_prandom_u32() == i)',
    /gave up/,
  ],
  '6.18-bounds': [
    'invalid access to map value, value_size=68 off=68 size=1',
    'bounds.c:8: e->data[i] = 1;',
    /past the end/,
  ],
  '6.18-ctx': ['invalid bpf_context access off=480 size=8', 'ctx.c:4: return ctx[60];', /context/],
  '6.18-gpl': [
    'cannot call GPL-restricted function from non-GPL compatible program',
    'gpl.c:6: bpf_probe_read_kernel(c, 8, (void *)ctx[0]);',
    /SEC\("license"\)/,
  ],
  '6.18-helper': [
    'program of this type cannot use helper bpf_override_return#58',
    'helper.c:5: return bpf_probe_read_kernel(comm, 16, (void *)8) + bpf_override_return(ctx, 1);',
    /program type/,
  ],
  '6.18-leak': [
    'Unreleased reference id=2 alloc_insn=5',
    'leak.c:4: __u64 *e = bpf_ringbuf_reserve(&ring, 8, 0);',
    /bpf_ringbuf_discard/,
  ],
  '6.18-loop': ['infinite loop detected at insn 7', 'loop.c:6: while (n)', /constant bound/],
  '6.18-mathpkt': [
    'math between pkt pointer and register with unbounded min value is not allowed',
    'mathpkt.c:8: p += off;',
    /mask it/,
  ],
  '6.18-noreturn': [
    'R0 !read_ok',
    'noreturn.c:4: asm volatile("if r1 == 0 goto +1; exit; r0 = 0; exit" ::: "r0");',
    /must return/,
  ],
  '6.18-null': ["R0 invalid mem access 'map_value_or_null'", 'null.c:6: *value += 1;', /NULL/],
  '6.18-pkt': [
    'invalid access to packet, off=14 size=1, R1(id=0,off=14,r=0)',
    'pkt.c:6: return p[14] ? 2 : 1;',
    /data_end/,
  ],
  '6.18-rdonly': [
    'write into map forbidden, value_size=4 off=0 size=4',
    'rdonly.c:5: *(volatile __u32 *)&limit = 7;',
    /read-only/,
  ],
  '6.18-retval': [
    'At program exit the register R0 has smin=17 smax=17 should have been in [0, 3]',
    'retval.c:4: return 17;',
    /must return/,
  ],
  '6.18-scalar': ["R0 invalid mem access 'scalar'", 'scalar.c:7: return u->tgid;', /BPF_CORE_READ/],
  '6.18-smallkey': [
    'invalid read from stack R2 off=-4 size=8',
    'smallkey.c:8: return !bpf_map_lookup_elem(&counts, &key);',
    /smaller than the map's keys/,
  ],
  '6.18-smallvalue': [
    'invalid access to map value, value_size=4 off=0 size=8',
    'smallvalue.c:16: __sync_fetch_and_add(value, 1);',
    /values are smaller than what is read or written/,
  ],
  '6.18-unbounded': [
    'R6 unbounded memory access, make sure to bounds check any such access',
    'unbounded.c:11: e->data[i] = 1;',
    /upper or lower bound/,
  ],
  '6.18-unboundedlen': [
    "R2 min value is negative, either use unsigned or 'var &= const'",
    'unboundedlen.c:11: bpf_probe_read_user(e->data, len, (void *)ctx[0]);',
    /upper or lower bound/,
  ],
  '6.18-wrongtype': [
    'R1 type=scalar expected=ringbuf_mem',
    'wrongtype.c:4: bpf_ringbuf_submit((void *)ctx[0], 0);',
    /another kind of pointer/,
  ],
};

for (const [name, [line, source, hint]] of Object.entries(EXPECTED)) {
  test(`a log of ${name} comes down to one line`, () => {
    const explained = explainVerifierLog(read(name));
    assert.equal(explained.line, line);
    assert.equal(explained.source, source);
    assert.match(explained.hint ?? '', hint);
  });
}

const BROKEN = `${PRELUDE}struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, __u32); __type(value, __u64); } counts SEC(".maps");
SEC("raw_tp/sys_enter") int first(void *ctx) { return 0; }
SEC("raw_tp/sys_enter") int broken(void *ctx)
{
	__u32 key = 1;
	__u64 *value = bpf_map_lookup_elem(&counts, &key);
	*value += 1;
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
`;
const PLACE = BROKEN.split('\n').findIndex((l) => l.includes('+= 1;')) + 1;

test("the running kernel's own words are understood", () => {
  const { path } = compileBpf(BROKEN);
  // Refused while loading, so that nothing is pinned and nothing attached.
  const { stderr, status } = spawnSync(
    'bpftool',
    ['prog', 'loadall', path, '/sys/fs/bpf/skep-verifier-test'],
    { encoding: 'utf8' },
  );
  assert.notEqual(status, 0);
  const explained = explainVerifierLog(stderr);
  assert.equal(explained.line, "R0 invalid mem access 'map_value_or_null'", stderr);
  assert.match(explained.source!, /\*value \+= 1;$/);
});

test("the object gives the place that an old kernel's log leaves out", () => {
  const elf = Elf.parse(compileBpf(BROKEN).bytes);
  const old = read('6.18-null').replaceAll(/ @ null\.c:\d+$/gm, '');
  assert.equal(explainVerifierLog(old).source, '*value += 1;');
  assert.equal(explainVerifierLog(old, { elf, program: 'broken' }).source, `probe.c:${PLACE}: *value += 1;`);
  const bare = old.replaceAll(/^;.*$/gm, '');
  assert.equal(explainVerifierLog(bare).source, undefined);
  assert.equal(explainVerifierLog(bare, { elf, program: 'broken' }).source, `probe.c:${PLACE}: *value += 1;`);
  assert.equal(explainVerifierLog(bare, { elf, program: 'nobody' }).source, undefined);
});

test('a log that says nothing, or something new, is still shown', () => {
  assert.deepEqual(explainVerifierLog(''), { line: 'the verifier said nothing' });
  assert.deepEqual(explainVerifierLog('0: (95) exit\nsomething never seen before\nprocessed 1 insns\n'), {
    line: 'something never seen before',
  });
});

test('a log of many megabytes is read at once', () => {
  const step = '7: (67) r0 <<= 32                     ; R0=scalar(smax=0x7fffffff00000000)\n';
  const log = `; while (n) @ loop.c:6\n${step.repeat(200_000)}BPF program is too large. Processed 1000001 insn\n`;
  const took = cpuMs(() => assert.equal(explainVerifierLog(log).source, 'loop.c:6: while (n)'));
  assert.ok(took < 1000, `${took} ms, typically 60`);
});
