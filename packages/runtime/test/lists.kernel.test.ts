/** Lists, in the kernel: what a program finds in them is what was said. */
import { deepStrictEqual, match, rejects, strictEqual } from 'node:assert/strict';
import { BlockList, isIPv6 } from 'node:net';
import { test } from 'node:test';
import { type ParamSetting, parseIp } from '@skep/probe';
import fc from 'fast-check';
import { fixture } from '../../../test/support/fixtures.ts';

import { loadObjects } from '../src/run/load.ts';
import { closeOpened, openObjects } from '../src/run/open.ts';
import { fillLists } from '../src/run/params.ts';

const skip = process.getuid?.() === 0 ? false : 'loads BPF: needs root';
const bytes = await fixture(new URL('./lists.bpf.c', import.meta.url));

const PORTS_IN = 0;
const PORTS_LISTED = 1;
const IP_IN = 2;
const IPV4_IN = 3;
const COMM_IN = 4;
const PORTS_ANY = 5;

interface Asked extends Disposable {
  ask(question: number, value?: number | Uint8Array): boolean;
  entries(map: string): number;
  room(map: string): number;
}

async function loaded(params: Record<string, ParamSetting>): Promise<Asked> {
  const opened = openObjects([{ name: 'lists.o', bytes }], params, {
    forced: {},
    twins: true,
    explain: false,
  });
  try {
    await loadObjects(opened);
    fillLists(opened);
  } catch (error) {
    closeOpened(opened);
    throw error;
  }
  const { object } = opened[0]!;
  return {
    ask(question, value = 0) {
      const context = Buffer.alloc(24);
      context.writeBigUInt64LE(BigInt(question));
      if (typeof value === 'number') context.writeBigUInt64LE(BigInt(value), 8);
      else context.set(value, 8);
      return object.program('ask').testRun({ context }).returned === 1;
    },
    entries: (map) => [...object.map(map)].length,
    room: (map) => object.map(map).maxEntries,
    [Symbol.dispose]: () => closeOpened(opened),
  };
}

test('an empty list lets everything pass and lists nothing', { skip }, async () => {
  for (const params of [{}, { ports: '*' }, { ports: ['*'] }] as Record<string, ParamSetting>[]) {
    using lists = await loaded(params);
    strictEqual(lists.ask(PORTS_ANY), true);
    strictEqual(lists.ask(PORTS_IN, 80), true);
    strictEqual(lists.ask(PORTS_LISTED, 80), false);
    strictEqual(lists.ask(IP_IN, parseIp('10.0.0.1')!), true);
    strictEqual(lists.ask(COMM_IN, Buffer.from('curl'.padEnd(16, '\0'))), true);
    deepStrictEqual([lists.room('ports'), lists.room('peers'), lists.room('comms')], [1, 1, 1]);
  }
});

test('a lone value, several and ranges, more than the source made room for', { skip }, async () => {
  for (const [text, within, without] of [
    ['80', [80], [0, 79, 81, 443]],
    ['80,443,8000-8010', [80, 443, 8000, 8005, 8010], [0, 81, 7999, 8011]],
    ['1,65535', [1, 65535], [0, 2, 65534]],
    ['1-3000', [1, 80, 3000], [0, 3001]],
  ] as const) {
    using lists = await loaded({ ports: text });
    for (const port of within) strictEqual(lists.ask(PORTS_IN, port), true, `${port} of ${text}`);
    for (const port of without) strictEqual(lists.ask(PORTS_IN, port), false, `${port} of ${text}`);
    strictEqual(lists.ask(PORTS_LISTED, within[0]), true);
    strictEqual(lists.entries('ports'), lists.room('ports'));
  }
});

test('commands, one by one and with commas', { skip }, async () => {
  const comm = (text: string) => Buffer.from(text.padEnd(16, '\0'));
  for (const params of [{ comms: 'curl' }, { comms: ['curl', 'a,b'] }] as Record<string, ParamSetting>[]) {
    using lists = await loaded(params);
    strictEqual(lists.ask(COMM_IN, comm('curl')), true);
    strictEqual(lists.ask(COMM_IN, comm('curly')), false);
    strictEqual(lists.ask(COMM_IN, comm('a,b')), Array.isArray(params.comms));
  }
});

test('prefixes: edges of both families, and IPv4 addresses as IPv6 has them', { skip }, async () => {
  const cases: [text: string, within: string[], without: string[]][] = [
    ['0.0.0.0/0', ['0.0.0.0', '10.0.0.1', '255.255.255.255'], ['::', '::1', '2001:db8::1']],
    ['::/0', ['::', '2001:db8::1', 'ffff::1'], ['10.0.0.1', '0.0.0.0']],
    ['::/0,0.0.0.0/0', ['::1', '10.0.0.1'], []],
    ['::/0,10.0.0.0/8', ['::1', '10.0.0.1'], ['11.0.0.1']],
    ['10.0.0.1/32', ['10.0.0.1'], ['10.0.0.0', '10.0.0.2', '::10.0.0.1']],
    ['10.0.0.1', ['10.0.0.1'], ['10.0.0.2']],
    ['fd00::1/128', ['fd00::1'], ['fd00::', 'fd00::2']],
    ['::ffff:10.0.0.0/104', ['10.0.0.1', '10.255.255.255'], ['11.0.0.0']],
    ['10.0.0.0/8,10.1.0.0/16,fd00::/8', ['10.1.2.3', '10.2.3.4', 'fdff::1'], ['11.1.2.3', 'fe00::1']],
  ];
  for (const [text, within, without] of cases) {
    using lists = await loaded({ peers: text });
    for (const [addresses, expected] of [
      [within, true],
      [without, false],
    ] as const)
      for (const address of addresses) {
        strictEqual(lists.ask(IP_IN, parseIp(address)!), expected, `${address} in ${text}`);
        if (!isIPv6(address))
          strictEqual(
            lists.ask(IPV4_IN, parseIp(address)!.subarray(12).slice()),
            expected,
            `${address} by 4`,
          );
      }
  }
});

test('any prefixes, as net.BlockList understands them', { skip }, async () => {
  const v4 = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }));
  const v6 = fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 }));
  const prefix = fc.oneof(v4, v6);
  const addresses = fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { minLength: 4, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.array(prefix, { minLength: 1, maxLength: 6 }), addresses, async (prefixes, asked) => {
      // For the oracle ::/0 has the IPv4 addresses too: of them it is asked without such.
      const [oracle, narrow] = [new BlockList(), new BlockList()];
      const texts: string[] = [];
      for (const [address, length] of prefixes) {
        const bits = parseIp(address)!;
        const family = isIPv6(address) ? 'ipv6' : 'ipv4';
        const shift = family === 'ipv4' ? 96 : 0;
        const base = bits.map((b, i) => b & (0xff << Math.min(8, Math.max(0, 8 * (i + 1) - length - shift))));
        const text = family === 'ipv4' ? [...base.subarray(12)].join('.') : hex(base);
        oracle.addSubnet(text, length, family);
        if (length + shift >= 96) narrow.addSubnet(text, length, family);
        texts.push(`${text}/${length}`);
      }
      using lists = await loaded({ peers: texts });
      for (const address of [...asked, ...prefixes.map(([a]) => a)]) {
        const mapped = parseIp(address)!.subarray(0, 12).join() === '0,0,0,0,0,0,0,0,0,0,255,255';
        const expected = (mapped ? narrow : oracle).check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
        strictEqual(lists.ask(IP_IN, parseIp(address)!), expected, `${address} in ${texts}`);
      }
    }),
    { numRuns: 8 },
  );
});

function hex(bytes: Uint8Array): string {
  return Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16)).join(
    ':',
  );
}

test('a wrong value is refused before anything is loaded, with its place', { skip }, async () => {
  const refused = (params: Record<string, ParamSetting>, message: RegExp) =>
    rejects(loaded(params), (error: { code: string; message: string; hint: string }) => {
      strictEqual(error.code, 'SKEP_PARAM_INVALID');
      match(`${error.message} ${error.hint}`, message);
      return true;
    });
  await refused({ ports: { value: '', from: '--set' } }, /^--set: No value is given .* or write \*,/);
  await refused({ ports: '80,443,65536' }, /"65536" is no value for the parameter "ports" .*, value 3 of 3/);
  await refused({ peers: '10.1.2.3/8' }, /write 10\.0\.0\.0\/8/);
  await refused({ sample: { value: '0', from: 'p.yaml:3' } }, /^p\.yaml:3: "0" is no value .* from 1 to 100/);
});
