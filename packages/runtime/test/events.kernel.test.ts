import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { BpfObject } from '@skep/bpf';
import { fixture } from '../../../test/support/fixtures.ts';
import { startRun } from '../src/index.ts';
import { Producer } from './support/producer.ts';
import { Collect, rowsOf } from './support/sinks.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const source = new URL('./events.bpf.c', import.meta.url);
let bytes: Uint8Array;
before(async () => {
  if (!skip) bytes = await fixture(source);
});

async function calls(buffer: 'ring' | 'perf' | undefined) {
  using producer = new Producer();
  const sink = new Collect();
  const params = { target_pid: String(producer.pid) };
  const objects = [{ name: 'events.o', bytes }];
  const run = await startRun({ name: 'events', objects, params, buffer, sinks: [sink] });
  const sources = run.streams.map((s) => s.source);
  await producer.produce(100, 10);
  const { events, lost, lossUnknown, foundFull } = await run.stop();
  const records = sink.records.map((r) => `${r.map} ${JSON.stringify(r.data)}`).sort();
  const counted = [...(await rowsOf(run, 'counter_kinds'))].sort();
  return { sources, seen: { records, counted, events, lost, lossUnknown, foundFull } };
}

test('one object sends the same over ring and perf buffers', { skip }, async () => {
  const perf = await calls('perf');
  assert.deepEqual(perf.sources, ['perf', 'perf', 'perf']);
  assert.equal(perf.seen.records.length, 80, 'a fifth was dropped by the program');
  assert.equal(perf.seen.records[0], 'print_calls {"n":0,"comm":"perl","half":0,"text":[97,98,99]}');
  assert.deepEqual(perf.seen.counted, [
    ['0', '50'],
    ['1', '50'],
  ]);
  assert.deepEqual(perf.seen.lost, []);
  const usual = await calls(undefined);
  assert.deepEqual(usual.sources, ['ring', 'ring', 'ring'], 'every kernel from 5.8 on has ring buffers');
  assert.deepEqual(usual.seen, perf.seen);
});

test('with ring buffers the scratch memory of perf buffers is not made', { skip }, async () => {
  using object = BpfObject.open(bytes);
  const scratch = object.map('scratch_print_calls');
  scratch.leaveOut();
  await object.load();
  assert.equal(scratch.created, false);
});

test('a kind of buffer that no stream offers is refused', { skip }, async () => {
  const other = await fixture(new URL('../../../probes/activeconn/activeconn.c', import.meta.url));
  const objects = [{ name: 'x.o', bytes: other }];
  await assert.rejects(startRun({ name: 'x', objects, buffer: 'perf', sinks: [] }), {
    code: 'SKEP_NO_BUFFER_CHOICE',
    message: 'x.o: no stream can use either kind of buffer',
  });
});
