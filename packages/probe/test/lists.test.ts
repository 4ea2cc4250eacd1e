import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { parseObject } from '@skep/bpf';
import fc from 'fast-check';
import {
  describeObject,
  findParam,
  type ObjectDescription,
  ownerSettings,
  ProbeError,
  parseList,
  parseParam,
} from '../src/index.ts';
import { parseParamsFile } from '../src/params/parse-file.ts';
import { build, PROGRAM } from './support.ts';

let btf: ReturnType<typeof parseObject>['btf'];
let about: ObjectDescription;
let narrow: ObjectDescription;
let narrowBtf: typeof btf;

before(async () => {
  const object = await build(`
enum color { RED = 1, GREEN = 5 };
SKEP_PARAM_PORTS(ports, 8, "ports"); SKEP_PARAM_CIDRS(peers, 8, "peers"); SKEP_PARAM_COMMS(comms, 8, "commands");
SKEP_PARAM_USERS(users, 8, "users"); SKEP_PARAM_PIDS(pids, 8, "pids"); SKEP_PARAM_LIST(colors, enum color, 8, "colors");
SKEP_PARAM_LIST(temperatures, __s8, 8, "degrees"); SKEP_PARAM_RANGE(duration_ms, wait, 5, 1ms, 10s, "how long");
SKEP_PARAM_RANGE(__s32, offset, 0, -0x10, 16L, "offset");
${PROGRAM}`);
  btf = parseObject(object, 'lists.o').btf;
  about = describeObject(object, 'lists.o');
  const filtered = await build(`#include "skep_filter.h"\n${PROGRAM}`);
  narrow = describeObject(filtered, 'narrow.o');
  narrowBtf = parseObject(filtered, 'narrow.o').btf;
});

function refused(run: () => unknown): ProbeError {
  try {
    run();
  } catch (e) {
    assert.ok(e instanceof ProbeError, String(e));
    assert.ok(e.hint.length > 0);
    return e;
  }
  return assert.fail('was taken');
}

const keys = (name: string, value: string | string[]) =>
  parseList(findParam(about.params, name), btf, value).keys;
const ports = (value: string | string[]) =>
  keys('ports', value).map((key) => Buffer.from(key).readUInt16LE());

test('values and ranges, each once', () => {
  assert.deepEqual(ports('80, 443,8000-8003,80'), [80, 443, 8000, 8001, 8002, 8003]);
  assert.deepEqual(ports(['80', '0x10-0x12']), [80, 16, 17, 18]);
  assert.deepEqual(ports('*'), []);
  assert.deepEqual(
    keys('temperatures', '-3--1,4').map((key) => Buffer.from(key).readInt8()),
    [-3, -2, -1, 4],
  );
  assert.deepEqual(
    keys('colors', 'RED,5').map((key) => Buffer.from(key).readInt32LE()),
    [1, 5],
  );
  assert.deepEqual(
    keys('users', 'root,7').map((key) => Buffer.from(key).readUInt32LE()),
    [0, 7],
  );
  assert.equal(Buffer.from(keys('comms', ['a,b'])[0]!).toString(), 'a,b'.padEnd(16, '\0'));
  assert.equal(ports('1-65535').length, 65535);
  for (const text of ['80,', ',80', '80,,81', '65536', '1-65536', '2-1', '-1', 'http', '1-2-3', '80;81'])
    refused(() => ports(text));
});

test('nothing is no value: a list is emptied by * only, or by the word that its author gave', () => {
  for (const value of ['', '  ', []] as (string | string[])[]) {
    const error = refused(() => ports(value));
    assert.equal(error.code, 'SKEP_PARAM_INVALID');
    assert.equal(error.message, 'No value is given for the parameter "ports" (list of __u16).');
    assert.match(error.hint, /^It takes values separated by commas.*Leave it out, or write \*,/);
  }
  const file = parseParamsFile('ports: []\n', 'p.yaml').settings.ports!;
  assert.match(
    refused(() => parseList(findParam(about.params, 'ports'), btf, file)).message,
    /^p\.yaml:1: No value/,
  );
  assert.deepEqual(ports(['*']), []);
  assert.deepEqual(keys('comms', ' * '), []);
  for (const value of ['*,80', ['*', '80'], ['']] as (string | string[])[]) refused(() => ports(value));
  const narrowBy = (text: string) =>
    parseList(findParam(narrow.params, 'target_pid'), narrowBtf, text).keys.length;
  assert.equal(narrowBy('0'), 0);
  assert.equal(narrowBy('*'), 0);
  refused(() => narrowBy(''));
});

test('a refusal says which value of how many, and what is taken', () => {
  const error = refused(() => ports('80,443,http'));
  assert.equal(error.code, 'SKEP_PARAM_INVALID');
  assert.equal(error.message, '"http" is no value for the parameter "ports" (list of __u16), value 3 of 3.');
  assert.match(
    error.hint,
    /separated by commas, each a number from 1 to 65535, or a range such as 8000-8010/,
  );
  assert.match(refused(() => keys('pids', '1-4194305')).hint, /from 1 to 4194304/);
  assert.match(refused(() => keys('peers', '10.1.2.3/8')).hint, /write 10\.0\.0\.0\/8\./);
  assert.match(refused(() => keys('peers', 'fd00::1/8')).hint, /write fd00::\/8\./);
});

test('prefixes: both families, edges, what is none', () => {
  const one = (text: string) => {
    const [key] = keys('peers', text).map((k) => Buffer.from(k));
    return `${key!.readUInt32LE()} ${key!.subarray(4).toString('hex')}`;
  };
  assert.equal(one('10.0.0.0/8'), `104 ${'0'.repeat(20)}ffff0a000000`);
  assert.equal(one('::ffff:10.0.0.0/104'), one('10.0.0.0/8'));
  assert.equal(one('0.0.0.0/0'), `96 ${'0'.repeat(20)}ffff00000000`);
  assert.equal(one('10.0.0.1'), one('10.0.0.1/32'));
  assert.equal(one('fd00::1'), one('fd00::1/128'));
  assert.equal(keys('peers', '::/0').length, 2, 'and one that leaves IPv4 out');
  for (const text of [
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    '::/129',
    '10.0.0/8',
    '/8',
    '10.0.0.0/8/8',
    'a/8',
  ])
    refused(() => keys('peers', text));
});

test('any text is a list or a refusal, and what is taken is within the type', () => {
  const piece = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.nat({ max: 70_000 }).map(String),
    fc.tuple(fc.nat({ max: 66_000 }), fc.nat({ max: 66_000 })).map(([a, b]) => `${a}-${b}`),
    fc.constantFrom('-', ',', '0x', '10.0.0.0/8', '::/0', ' '),
  );
  fc.assert(
    fc.property(fc.constantFrom(...about.params.filter((p) => p.list)), fc.array(piece), (param, pieces) => {
      let entries: ReturnType<typeof parseList>;
      try {
        entries = parseList(param, btf, pieces.join(','));
      } catch (e) {
        assert.ok(e instanceof ProbeError && e.code === 'SKEP_PARAM_INVALID', String(e));
        return;
      }
      assert.equal(
        new Set(entries.keys.map((k) => Buffer.from(k).toString('hex'))).size,
        entries.keys.length,
      );
      for (const key of entries.keys) assert.equal(key.length, param.size);
    }),
    { numRuns: 60 },
  );
});

test('ranges, written as a user writes them or as C does', () => {
  const set = (name: string, text: string) => parseParam(findParam(about.params, name), btf, text);
  for (const text of ['1ms', '10s', '5']) set('wait', text);
  assert.match(refused(() => set('wait', '11s')).hint, /a duration from 1ms to 10s; its default is 5ms/);
  refused(() => set('wait', '0'));
  for (const text of ['-16', '16']) set('offset', text);
  for (const text of ['-17', '17']) refused(() => set('offset', text));
});

test('a range that cannot be, or without its default, is said when the object is read', async () => {
  for (const [source, message] of [
    [
      'SKEP_PARAM_RANGE(__u32, x, 0, 1, 10, "x");',
      /The default of the parameter "x" .* is 0, outside of its range 1\.\.10/,
    ],
    [
      'SKEP_PARAM_RANGE(__u32, x, 5, 10, 1, "x");',
      /The range 10\.\.1 of the parameter "x" .* cannot be read/,
    ],
    ['SKEP_PARAM_RANGE(__u32, x, 5, sizeof(int), 10, "x");', /cannot be read/],
    [
      'struct odd_key { int a; }; SKEP_LIST_MAP(x, BPF_MAP_TYPE_HASH, struct odd_key, 4, 0, "x");',
      /whose values no text can spell/,
    ],
  ] as const) {
    const object = await build(`${source}\n${PROGRAM}`);
    const error = refused(() => describeObject(object, 'probe.o'));
    assert.equal(error.code, 'SKEP_OBJECT_INVALID');
    assert.match(error.message, message);
  }
});

test('owners become the lists that are tagged for them, and are refused where there is none', () => {
  assert.deepEqual(ownerSettings([narrow], { pid: ['1', '2'], comm: ['a,b'] }), {
    target_pid: { value: ['1', '2'], from: '--pid' },
    target_comm: { value: ['a,b'], from: '--comm' },
  });
  assert.deepEqual(ownerSettings([narrow], {}), {});
  const error = refused(() => ownerSettings([about], { pid: ['1'] }));
  assert.equal(error.message, 'This probe cannot be narrowed by --pid.');
  assert.match(error.hint, /its parameters are .*ports/);
  assert.match(
    refused(() => ownerSettings([narrow, about], { cgroup: ['/'] })).message,
    /^lists\.o of this probe/,
  );
});

test('a file of parameters: texts and lists with their lines', () => {
  const { settings } = parseParamsFile(
    '# all of it\nwait: 5ms\nversion: 1.10\ncomms:\n  - a\n  - "b,c"\nempty: ""\nnone: []\n',
    'p.yaml',
  );
  assert.deepEqual(settings, {
    wait: { value: '5ms', from: 'p.yaml:2' },
    version: { value: '1.10', from: 'p.yaml:3' },
    comms: { value: ['a', 'b,c'], from: 'p.yaml:4', places: ['p.yaml:5', 'p.yaml:6'] },
    empty: { value: '', from: 'p.yaml:7' },
    none: { value: [], from: 'p.yaml:8', places: [] },
  });
  assert.deepEqual(parseParamsFile('', 'p.yaml').settings, {});
  for (const [text, message] of [
    ['a: 1\nb', /^p\.yaml:2: /],
    ['a: 1\na: 2', /^p\.yaml:2: /],
    ['- a', /^p\.yaml:1: There must be names and values/],
    ['a: 1\nb:\n', /^p\.yaml:2: "b" is set to nothing/],
    ['a:\n  b: 1', /^p\.yaml:2: "a" is set to a list or map/],
    ['a: [1, [2]]', /^p\.yaml:1: "a" is set to a list or map/],
    ['a: &x 1\nb: *x', /^p\.yaml:2: "b" is set to an alias/],
    ['a: "1', /^p\.yaml:1: /],
  ] as const) {
    const error = refused(() => parseParamsFile(text, 'p.yaml'));
    assert.equal(error.code, 'SKEP_PARAM_FILE');
    assert.match(error.message, message, text);
  }
  const places = parseParamsFile('ports:\n  - 80\n  - x\n', 'p.yaml').settings.ports!;
  assert.match(
    refused(() => parseList(findParam(about.params, 'ports'), btf, places)).message,
    /^p\.yaml:3: "x"/,
  );
});
