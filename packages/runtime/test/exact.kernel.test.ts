import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { before, test } from 'node:test';
import { possibleCpus } from '@skep/bpf';
import { fixture } from '../../../test/support/fixtures.ts';
import { type Lost, startRun } from '../src/index.ts';
import { Crowd } from './support/crowd.ts';
import { Collect, rowsOf } from './support/sinks.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
let bytes: Uint8Array;
before(async () => {
  if (!skip) bytes = await fixture(new URL('./exact.bpf.c', import.meta.url));
});

const lostIn = (lost: readonly Lost[], map: string): number =>
  lost.filter((l) => l.map === map).reduce((sum, l) => sum + l.count, 0);

type Missed = { count: number };

/** Of 1,500 calls, of which the reader saw nothing before all were made. */
function assertExact(delivered: number, losses: readonly Lost[], missed: readonly Missed[]): void {
  const lost = lostIn(losses, 'print_calls');
  const skipped = missed.reduce((sum, m) => sum + m.count, 0);
  assert.ok(lost > 1000 - skipped, `4 KiB hold 56 records, and ${lost} were lost`);
  assert.equal(delivered + lost + skipped, 1500);
}

/** To a kernel they are one: nobody reads. The process of its own takes an emulated processor eight seconds to start. */
const tooLong =
  process.env.SKEP_GUEST !== undefined && process.env.SKEP_LONG !== '1' && 'its reader stands still instead';

for (const buffer of ['ring', 'perf'] as const) {
  test(`more producers than CPUs, ${buffer} buffers of 4 KiB, hashes of ten: sent is delivered and lost`, {
    skip,
  }, async () => {
    using crowd = new Crowd();
    const producers = 2 * possibleCpus() + 1;
    const each = 400;
    const sent = producers * each;
    const sink = new Collect();
    const run = await startRun({
      name: 'exact',
      objects: [{ name: 'exact.o', bytes }],
      params: { target_pid: String(crowd.pid) },
      buffer,
      sinks: [sink],
    });
    await crowd.produce(producers, each, 20);
    const { lost, lossUnknown, missed, events } = await run.stop();
    // Where one producer's program is preempted by another's, the kernel skips the second, and counts that.
    const skipped = missed.reduce((sum, m) => sum + m.count, 0);
    const saw = Number([...(await rowsOf(run, 'counter_sent')).values()][0]);
    assert.equal(saw + skipped, sent, `the probe saw ${saw} calls, the kernel skipped ${skipped}`);
    assert.equal(sink.records.length + lostIn(lost, 'print_calls'), saw);
    assert.equal(events.print_calls, sink.records.length);
    const counted = [...(await rowsOf(run, 'counter_args')).values()].map(Number);
    assert.equal(counted.length, 10);
    assert.equal(counted.reduce((a, b) => a + b, 0) + lostIn(lost, 'counter_args'), saw);
    if (skipped === 0) assert.equal(lostIn(lost, 'seen'), sent / 2, 'ten of twenty keys found no room');
    assert.deepEqual(lossUnknown, []);
  });

  test(`a reader that stands still, ${buffer} buffers: sent is delivered and lost`, { skip }, async () => {
    const sink = new Collect();
    const run = await startRun({
      name: 'exact',
      objects: [{ name: 'exact.o', bytes }],
      params: { target_pid: String(process.pid) },
      buffer,
      sinks: [sink],
    });
    // The thread that reads waits for each of these.
    for (let producer = 0; producer < 3; producer++)
      spawnSync('perl', ['-e', 'getpgrp(1000000 + $_ % 20) for 0 .. 499'], { stdio: 'inherit' });
    const { lost, missed, events } = await run.stop();
    assert.equal(events.print_calls, sink.records.length);
    assertExact(sink.records.length, lost, missed);
  });

  test(`a reader that is stopped, ${buffer} buffers: sent is delivered and lost`, {
    skip: skip || tooLong,
  }, async () => {
    using crowd = new Crowd();
    const dir = mkdtempSync(join(tmpdir(), 'skep-exact-'));
    try {
      const object = join(dir, 'exact.o');
      writeFileSync(object, bytes);
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, 'support/json-child.ts'), object, String(crowd.pid), '', buffer],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      );
      try {
        let delivered = 0;
        createInterface(child.stdout!).on('line', (line) => {
          if (line.includes('"print_calls"')) delivered++;
        });
        const said = createInterface(child.stderr!)[Symbol.asyncIterator]();
        assert.equal((await said.next()).value, 'ready');
        child.kill('SIGSTOP');
        await crowd.produce(3, 500, 20);
        child.kill('SIGCONT');
        const closed = once(child, 'close');
        child.kill('SIGTERM');
        const summary = JSON.parse(String((await said.next()).value)) as {
          lost: Lost[];
          missed: Missed[];
          events: { print_calls: number };
        };
        await closed;
        assert.equal(delivered, summary.events.print_calls);
        assertExact(delivered, summary.lost, summary.missed);
      } finally {
        child.kill('SIGKILL');
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
}
