/** Losses that do not come by themselves, brought about by force: what is counted is what happened, to the last one. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { before, test } from 'node:test';
import { BpfMap, possibleCpus } from '@skep/bpf';
import { fixture } from '../../../test/support/fixtures.ts';
import { Netns } from '../../../test/support/netns.ts';
import { type Lost, type Run, startRun } from '../src/index.ts';
import { keepsAll, spareAdapts } from '../src/run/evictions.ts';
import { Producer } from './support/producer.ts';
import { Collect, rowsOf } from './support/sinks.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const mount = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/self/mounts', 'utf8'))?.[1];
let bytes: Uint8Array;
before(async () => {
  if (!skip) bytes = await fixture(new URL('./forced.bpf.c', import.meta.url));
});

async function start(
  program: string,
  pid: number,
  more: { target?: string; buffer?: 'ring' | 'perf'; sink?: Collect },
) {
  return startRun({
    name: 'forced',
    objects: [{ name: 'forced.o', bytes }],
    params: { target_pid: String(pid) },
    attach: [`${program}=${more.target ?? 'syscalls:sys_enter_getpgid'}`],
    buffer: more.buffer,
    sinks: more.sink ? [more.sink] : [],
  });
}

const lostIn = (lost: readonly Lost[], map: string, reason: string): number =>
  lost.filter((l) => l.map === map && l.reason === reason).reduce((sum, l) => sum + l.count, 0);
const numbersOf = async (run: Run, map: string) =>
  new Map([...(await rowsOf(run, map))].map(([key, value]) => [key, Number(value)]));

test('stacks that meet in one place: each call has an id or is counted as lost', { skip }, async () => {
  // Two places in the C library make the same system call, so there are two stacks at least.
  const number = process.arch === 'arm64' ? 155 : 121;
  const script = `$| = 1; print "up\\n"; while (<STDIN>) { for (1 .. 300) { getpgrp(7); syscall(${number}, 7) } print "ok\\n" }`;
  const child = spawn('perl', ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const said = createInterface(child.stdout)[Symbol.asyncIterator]();
    await said.next();
    const run = await start('collide', child.pid!, {});
    child.stdin.write('go\n');
    assert.equal((await said.next()).value, 'ok');
    const { lost } = await run.stop();
    const ids = await numbersOf(run, 'counter_stacks');
    const without = ids.get('-1') ?? 0;
    const sum = [...ids.values()].reduce((a, b) => a + b, 0);
    assert.equal(sum, 600);
    assert.equal(lostIn(lost, 'stacks', 'stack_lost'), without);
    assert.ok(without >= 300 && without < 600, `one place, and ${without} of 600 found it taken`);
    assert.equal(ids.size, 2, 'one id, and none');
  } finally {
    child.kill('SIGKILL');
  }
});

for (const buffer of ['ring', 'perf'] as const)
  test(`five records of a ${buffer} buffer under way at once`, { skip }, async () => {
    using producer = new Producer();
    const sink = new Collect();
    const run = await start('five_at_once', producer.pid, { buffer, sink });
    await producer.produce(200);
    const { lost, lossUnknown } = await run.stop();
    // A ring has room for all; of scratch memory there are four pieces a CPU.
    const delivered = buffer === 'ring' ? 1000 : 800;
    assert.equal(sink.records.length, delivered);
    assert.equal(lostIn(lost, 'print_five', `${buffer}_full`), 1000 - delivered);
    assert.equal(sink.records.filter((r) => r.data.which === 5).length, delivered - 800);
    assert.deepEqual(lossUnknown, []);
  });

test('storage that a socket must not have', { skip: skip || (!mount && 'no cgroup2') }, async () => {
  const cgroup = `${mount}/skep-forced-${process.pid}`;
  mkdirSync(cgroup);
  const net = await Netns.make();
  try {
    await net.do(`join ${cgroup}`);
    const run = await start('store', 0, { target: cgroup });
    await net.do('udp 50');
    const { lost } = await run.stop();
    const found = await numbersOf(run, 'counter_found');
    for (const [i, map] of ['one', 'two', 'three'].entries())
      assert.equal((found.get(String(i + 1)) ?? 0) + lostIn(lost, map, 'map_full'), 50, map);
    assert.equal(lostIn(lost, 'three', 'map_full'), 50, 'three are more than a socket may have');
  } finally {
    await net.gone();
    rmdirSync(cgroup);
  }
});

test('an LRU hash that may have forgotten is named, shown or not; one with room is not', {
  skip,
}, async () => {
  const of = async (keys: number) => {
    using producer = new Producer();
    const run = await start('forget', producer.pid, {});
    await producer.produce(keys, keys);
    const { evictionsUnknown, lost, lossUnknown } = await run.stop();
    assert.deepEqual([lost, lossUnknown], [[], []]);
    return {
      evictionsUnknown: [...evictionsUnknown].sort(),
      kept: (await rowsOf(run, 'counter_recent')).size,
    };
  };
  assert.deepEqual(await of(100), { evictionsUnknown: [], kept: 100 });
  const { evictionsUnknown, kept } = await of(20_000);
  assert.deepEqual(evictionsUnknown, ['counter_recent', 'remembered']);
  assert.ok(kept < 20_000);
});

test('a small LRU hash is in doubt only where CPUs keep as many free entries of it as of a large one', {
  skip,
}, async () => {
  using producer = new Producer();
  const run = await start('forget_few', producer.pid, {});
  await producer.produce(1);
  const { evictionsUnknown } = await run.stop();
  const doubtful = keepsAll({ maxEntries: 256, flags: 0 }, possibleCpus(), spareAdapts()) < 1;
  assert.deepEqual([...evictionsUnknown].sort(), doubtful ? ['counter_few', 'remembered_few'] : []);
});

test('of an LRU hash that user space may not read nobody knows what it forgot', { skip }, async () => {
  using producer = new Producer();
  const object = await fixture(new URL('./written-only.bpf.c', import.meta.url));
  const run = await startRun({
    name: 'written-only',
    objects: [{ name: 'written-only.o', bytes: object }],
    params: { target_pid: String(producer.pid) },
    sinks: [],
  });
  await producer.produce(1);
  const { reason, evictionsUnknown } = await run.stop();
  assert.deepEqual([reason, evictionsUnknown], ['stopped', ['written_only']]);
});

test('as many keys as an LRU hash surely keeps are kept, whatever it is like', { skip }, () => {
  const cpus = possibleCpus();
  for (const [type, flags] of [
    ['lru_hash', 0],
    ['lru_hash', 2],
    ['lru_percpu_hash', 0],
  ] as const)
    for (const maxEntries of [10, 128 * cpus + 300, 4096]) {
      using map = BpfMap.create({ type, keySize: 4, valueSize: 8, maxEntries, flags, name: 'forced' });
      const keys = keepsAll(map, cpus, spareAdapts());
      for (let i = 0; i < keys; i++) {
        const key = Buffer.alloc(4);
        key.writeUInt32LE(i);
        map.set(key, new Uint8Array(map.valueBytes));
      }
      assert.equal([...map].length, keys, `${type} ${flags} of ${maxEntries}`);
    }
  const small = { maxEntries: 20 * cpus, flags: 0 };
  assert.equal(
    keepsAll(small, cpus, false),
    0,
    'where CPUs keep 128 each, a small one keeps nothing for certain',
  );
  assert.equal(keepsAll(small, cpus, true), 10 * cpus);
});
