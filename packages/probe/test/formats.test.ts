import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { test } from 'node:test';
import { Btf, compileDecoder, Elf, recordView } from '@skep/bpf';
import fc from 'fast-check';
import { ipv4Text, ipv6Text, parseIpv4, parseIpv6 } from '../src/formats/addresses.ts';
import {
  errnoText,
  fileModeText,
  groupText,
  openFlagsText,
  signalText,
  tcpStateText,
  userText,
} from '../src/formats/names.ts';
import { bytesText, durationText, parseBytes, parseDuration } from '../src/formats/quantities.ts';
import { syscallNumber, syscallText } from '../src/formats/syscalls.ts';
import { typeFormats } from '../src/index.ts';
import { build, PROGRAM } from './support.ts';

/** One record of a struct of skep.h's types, decoded in each of the three ways. */
async function decoded(members: string, bytes: Uint8Array, header = 'skep.h') {
  const object = await build(
    `#include "vmlinux.h"\n#include "${header}"\n#include <bpf/bpf_helpers.h>\nstruct row { ${members} } __attribute__((packed));\nconst volatile struct row row = {};\n${PROGRAM}`,
    true,
  );
  const btf = Btf.fromElf(Elf.parse(object));
  const decoder = compileDecoder(btf, btf.find('row', 'struct')!.id, { format: typeFormats });
  assert.equal(decoder.size, bytes.length);
  const view = recordView(bytes);
  const text = Object.fromEntries(decoder.columns.map((c, i) => [c.name, decoder.text(i, view, 0)]));
  const json: unknown = JSON.parse(decoder.json(view, 0));
  assert.deepEqual(JSON.parse(JSON.stringify(decoder.decode(view, 0))), json);
  return { text, json, decoder };
}

test('the types of skep.h, as text and as JSON', async () => {
  const bytes = Buffer.alloc(4 + 16 + 8 + 8 + 8 + 8 + 4 + 4 + 4 + 4 + 1);
  bytes.set([10, 0, 0, 1], 0);
  bytes.set([0x20, 1, 0x0d, 0xb8], 4);
  bytes[19] = 1;
  bytes.writeBigUInt64LE(1_500_000n, 20);
  bytes.writeBigUInt64LE(1_500n, 28);
  bytes.writeBigUInt64LE(2_000n, 36);
  bytes.writeBigUInt64LE(1_258_291n, 44);
  bytes.writeInt32LE(-2, 52);
  bytes.writeUInt32LE(syscallNumber('openat')!, 56);
  bytes.writeInt32LE(15, 60);
  bytes.writeUInt32LE(0o1101, 64);
  bytes[68] = 10;
  const { text, json } = await decoded(
    'ipv4_addr v4; ipv6_addr v6; duration_ns ns; duration_us us; duration_ms ms; bytes_t size; errno_t error; syscall_t call; signal_t signal; open_flags_t flags; tcp_state_t state;',
    bytes,
  );
  const names = {
    v4: '10.0.0.1',
    v6: '2001:db8::1',
    error: 'ENOENT',
    call: 'openat',
    signal: 'SIGTERM',
    flags: 'O_WRONLY|O_CREAT|O_TRUNC',
    state: 'LISTEN',
  };
  assert.deepEqual(text, { ...names, ns: '1.5ms', us: '1.5ms', ms: '2s', size: '1.2 MiB' });
  assert.deepEqual(json, { ...names, ns: 1_500_000, us: 1500, ms: 2000, size: 1_258_291 });
});

test('what goes over a network is shown as the number that it means', async () => {
  const bytes = Buffer.alloc(2 + 4 + 8 + 8 + 2 * 2 + 4 + 4 + 2);
  bytes.writeUInt16BE(443, 0);
  bytes.writeUInt32BE(4_000_000_000, 2);
  bytes.writeBigUInt64BE(7n, 6);
  bytes.writeBigUInt64BE(2n ** 52n + 1n, 14);
  bytes.writeUInt16BE(1, 22);
  bytes.writeUInt16BE(65_535, 24);
  bytes.set([10, 0, 0, 1], 26);
  bytes.writeUInt32LE(5, 30);
  bytes.writeUInt16LE(9, 34);
  const { text, json, decoder } = await decoded(
    'const __be16 port; __be32 seq; __be64 id; __be64 large; __be16 both[2]; ipv4_addr address; __le32 little; __u16 plain;',
    bytes,
  );
  const shown = { port: 443, seq: 4_000_000_000, id: 7, large: 2 ** 52 + 1, little: 5, plain: 9 };
  assert.deepEqual(json, { ...shown, both: [1, 65_535], address: '10.0.0.1' });
  const texts = Object.entries(shown).map(([name, value]) => [name, String(value)]);
  assert.deepEqual(text, { ...Object.fromEntries(texts), both: '[1,65535]', address: '10.0.0.1' });
  const id = decoder.columns.findIndex((c) => c.name === 'id');
  bytes.fill(0xff, 6, 14);
  const view = recordView(bytes);
  assert.equal(decoder.column(id)(view, 0), 2n ** 64n - 1n);
  assert.match(decoder.json(view, 0), /"id":18446744073709551615,/);
});

test("the kernel's own addresses are addresses, alone, in an array and as a whole key", async () => {
  const bytes = Buffer.alloc(4 + 16 + 2 * 4 + 16);
  bytes.set([10, 0, 0, 1], 0);
  bytes.set([0x20, 1, 0x0d, 0xb8], 4);
  bytes[19] = 1;
  bytes.set([127, 0, 0, 1, 192, 0, 2, 1], 20);
  bytes.set([0x50, 0, 10, 0, 0, 2], 30);
  const { text, json, decoder } = await decoded(
    'struct in_addr v4; struct in6_addr v6; struct in_addr both[2]; struct sockaddr_in in;',
    bytes,
  );
  assert.deepEqual(
    [text.v4, text.v6, text.both, text['in.sin_addr']],
    ['10.0.0.1', '2001:db8::1', '["127.0.0.1","192.0.2.1"]', '10.0.0.2'],
  );
  const { v4, v6, both, in: port } = json as { [name: string]: unknown };
  assert.deepEqual([v4, v6, both], ['10.0.0.1', '2001:db8::1', ['127.0.0.1', '192.0.2.1']]);
  assert.equal((port as { sin_addr: string }).sin_addr, '10.0.0.2');
  assert.ok(!decoder.columns.some((c) => c.name.includes('s_addr') || c.name.includes('in6_u')));
});

test('a struct of that name that is another one stays what it is', async () => {
  const btf = Btf.fromElf(
    Elf.parse(
      await build(
        `#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nstruct in_addr { unsigned a, b; };\nconst volatile struct in_addr row = {};\n${PROGRAM}`,
        true,
      ),
    ),
  );
  const decoder = compileDecoder(btf, btf.find('in_addr', 'struct')!.id, { format: typeFormats });
  assert.deepEqual(
    decoder.columns.map((c) => c.name),
    ['a', 'b'],
  );
});

test('the types of solo_types.h, where an ipv6_addr is four bytes as in bee', async () => {
  const bytes = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 0x40, 0xe2, 1, 0, 0, 0, 0, 0]);
  const { text, json } = await decoded('ipv4_addr a; ipv6_addr b; duration c;', bytes, 'solo_types.h');
  assert.deepEqual(text, { a: '1.2.3.4', b: '5.6.7.8', c: '123us' });
  assert.deepEqual(json, { a: '1.2.3.4', b: '5.6.7.8', c: 123_456 });
});

test('a timestamp is the time of day here, and RFC 3339 for machines', async () => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(process.hrtime.bigint());
  const before = Date.now();
  const { text, json } = await decoded('timestamp_ns at;', bytes);
  assert.match(text.at!, /^\d\d:\d\d:\d\d\.\d{6}$/);
  const { at } = json as { at: string };
  assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  // Both clocks are read once more within.
  assert.ok(Date.parse(at) >= before - 1000 && Date.parse(at) <= Date.now() + 1000, at);
  assert.ok(text.at!.endsWith(at.slice(17, 26)));
});

test('a boot time is the same, however long the machine slept', {
  skip:
    (process.getuid?.() !== 0 && 'needs root') ||
    (!existsSync('/proc/self/ns/time') && 'needs time namespaces, since 5.6'),
}, () => {
  // A namespace whose boot time is 100,000 s ahead is a machine that has slept so long.
  const time = new URL('../src/formats/time.ts', import.meta.url).href;
  const code = `
    const { isoText, monotonicOfBoot } = await import('${time}');
    const { readFileSync } = await import('node:fs');
    const boot = BigInt(Math.round(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1e9));
    console.log(isoText(monotonicOfBoot(boot)), isoText(boot));`;
  const node = [process.execPath, '--input-type=module', '-e', code];
  const before = Date.now();
  const out = execFileSync('unshare', ['--time', '--boottime', '100000', '--fork', ...node], {
    encoding: 'utf8',
  });
  const [at, raw] = out.trim().split(' ').map(Date.parse);
  assert.ok(at! > before - 1000 && at! <= Date.now(), out);
  assert.ok(raw! - at! > 99_000_000, out);
});

test('stacks end at the first 0, the kernel side with names', async () => {
  const bytes = Buffer.alloc(32 * 8 * 2);
  bytes.writeBigUInt64LE(1n, 0);
  bytes.writeBigUInt64LE(0x401000n, 256);
  bytes.writeBigUInt64LE(0x402000n, 264);
  const { text, json } = await decoded('kernel_stack_t kernel; user_stack_t user;', bytes);
  assert.equal(text.user, '0x401000 0x402000');
  assert.deepEqual((json as { user: string[] }).user, ['0x401000', '0x402000']);
  assert.equal((json as { kernel: string[] }).kernel.length, 1);
});

test('a name of ours on another type is left alone', async () => {
  const { text } = await decoded(
    'struct { __u32 x; } bytes_t; __u16 ipv4_addr;',
    Buffer.from([1, 0, 0, 0, 2, 0]),
  );
  assert.equal(text.ipv4_addr, '2');
  const object = await build(`typedef __u16 duration; const volatile duration short_one = 1;\n${PROGRAM}`);
  const btf = Btf.fromElf(Elf.parse(object));
  assert.equal(typeFormats('duration', btf, btf.find('duration', 'typedef')!.id), undefined);
});

test('IPv6 text is what RFC 5952 asks for, and reads back', () => {
  const text = (groups: string): string => ipv6Text(parseIpv6(groups)!);
  assert.equal(text('2001:DB8:0:0:0:0:0:1'), '2001:db8::1');
  assert.equal(text('2001:db8:0:1:1:1:1:1'), '2001:db8:0:1:1:1:1:1');
  assert.equal(text('2001:0:0:1:0:0:0:1'), '2001:0:0:1::1');
  assert.equal(text('2001:db8:0:0:1:0:0:1'), '2001:db8::1:0:0:1');
  assert.equal(text('0:0:0:0:0:0:0:0'), '::');
  assert.equal(text('::ffff:10.1.2.3'), '::ffff:10.1.2.3');
  assert.equal(text('1::'), '1::');
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(16), (random, zeros) => {
      const bytes = random.slice().fill(0, zeros, Math.min(16, zeros + 8));
      const shown = ipv6Text(bytes);
      assert.equal(isIP(shown), 6);
      assert.deepEqual(parseIpv6(shown), bytes);
      // The URL parser of the platform is another implementation of the same rules, but for dotted mapped addresses.
      if (!shown.includes('.')) assert.equal(new URL(`http://[${shown}]`).hostname, `[${shown}]`);
    }),
  );
});

test('addresses are read as Node reads them, or not at all', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ unit: fc.constantFrom(...'0123456789abcf:.') })),
      (s) => {
        assert.equal(parseIpv4(s) !== undefined, isIP(s) === 4, s);
        assert.equal(parseIpv6(s) !== undefined, isIP(s) === 6, s);
      },
    ),
    { numRuns: 2000 },
  );
  assert.equal(ipv4Text(0xffffffff), '255.255.255.255');
});

test('durations and sizes, at the edges of their units', () => {
  const durations: [number, string][] = [
    [0, '0s'],
    [1, '1ns'],
    [999, '999ns'],
    [1000, '1us'],
    [999_499, '999us'],
    [999_500, '1ms'],
    [12_345_678, '12.3ms'],
    [999_500_000, '1s'],
    [59_940_000_000, '59.9s'],
    [59_960_000_000, '1m'],
    [90e9, '1m30s'],
    [3599.6e9, '1h'],
    [7500e9, '2h5m'],
    [-1500, '-1.5us'],
  ];
  for (const [ns, text] of durations) assert.equal(durationText(ns), text);
  const sizes: [number, string][] = [
    [0, '0 B'],
    [1000, '1000 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [1023.9 * 1024, '1 MiB'],
    [2 ** 40, '1 TiB'],
    [-2048, '-2 KiB'],
  ];
  for (const [bytes, text] of sizes) assert.equal(bytesText(bytes), text);
  assert.equal(parseDuration('1h1m1s1ms1us1ns'), 3_661_001_001_001n);
  assert.equal(parseBytes('1KiB'), 1024n);
  assert.equal(parseBytes('1.2.3k'), undefined);
});

test('names, and numbers where there is none', () => {
  assert.deepEqual([0, 2, -11, 512, 9999].map(errnoText), ['0', 'ENOENT', 'EAGAIN', 'ERESTARTSYS', '9999']);
  assert.deepEqual([9, 34, 64, 99].map(signalText), ['SIGKILL', 'SIGRTMIN+0', 'SIGRTMIN+30', '99']);
  assert.deepEqual([1, 7, 12, 99].map(tcpStateText), ['ESTABLISHED', 'CLOSE', 'NEW_SYN_RECV', '99']);
  assert.equal(openFlagsText(0), 'O_RDONLY');
  assert.equal(openFlagsText(0o2000002), 'O_RDWR|O_CLOEXEC');
  assert.equal(openFlagsText(0x40000000), 'O_RDONLY|0x40000000');
  assert.deepEqual([0o644, 0o100640, 0o41777, 0o104755, 0o20620].map(fileModeText), [
    '-rw-r--r--',
    '-rw-r-----',
    'drwxrwxrwt',
    '-rwsr-xr-x',
    'crw--w----',
  ]);
  assert.deepEqual([0, 4_000_000_001].map(groupText), ['root', '4000000001']);
  assert.equal(userText(0), 'root');
  assert.equal(userText(4_000_000_001), '4000000001');
  assert.equal(syscallText(9999), '9999');
  assert.equal(syscallNumber('nope'), undefined);
  assert.equal(syscallText(syscallNumber('futex_waitv')!), 'futex_waitv');
});
