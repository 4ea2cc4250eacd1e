import assert from 'node:assert/strict';
import { afterEach, before, test } from 'node:test';
import { fixture } from '../../../test/support/fixtures.ts';
import { JsonSink, prometheusText, type Run, type RunRequest, type RunUnit, startRun } from '../src/index.ts';
import { Producer } from './support/producer.ts';
import { Collect, rowsOf } from './support/sinks.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const source = new URL('./events.bpf.c', import.meta.url);
let bytes: Uint8Array;
before(async () => {
  if (!skip) bytes = await fixture(source);
});

let running: Run | undefined;
afterEach(() => running?.stop());
async function start(request: RunRequest): Promise<Run> {
  running = await startRun(request);
  return running;
}

/** The same object as two probes, each narrowed by its own parameters: one to the producer, one to nobody. */
const units = (producer: Producer): RunUnit[] => [
  { probe: 'calls:1', name: 'program.o', bytes, params: { target_pid: String(producer.pid) } },
  { probe: 'reg.example/calls:2', name: 'program.o', bytes, params: { target_pid: '0' } },
];

test('two probes run as one: maps, figures, records and metrics say of which they are', {
  skip,
}, async () => {
  using producer = new Producer();
  const sink = new Collect();
  const lines: string[] = [];
  const output = {
    write: (chunk: Uint8Array, done: (error?: Error | null) => void) => {
      lines.push(Buffer.from(chunk).toString());
      done();
    },
    onClose: () => undefined,
    close: () => undefined,
  };
  const json = new JsonSink({ output: output as never });
  const objects = units(producer);
  const run = await start({ name: 'both', objects, sinks: [sink, json] });
  assert.deepEqual(run.probes, ['calls:1', 'reg.example/calls:2']);
  assert.equal(run.streams.find((s) => s.map === 'print_calls@calls:1')?.probe, 'calls:1');
  assert.equal(new Set(run.streams.map((s) => s.map)).size, run.streams.length, 'every name once');
  await producer.produce(10, 10);
  const summary = await run.stop();
  const text = await prometheusText(run);
  assert.equal(sink.records.length, 8);
  assert.ok(sink.records.every((r) => r.map === 'print_calls@calls:1'));
  assert.deepEqual([...(await rowsOf(run, 'counter_kinds@reg.example/calls:2'))], []);
  assert.match(text, /^skep_kinds_total\{probe="calls:1",odd="0"\} 5$/m);
  assert.equal(text.match(/^# TYPE skep_kinds_total /gm)?.length, 1, 'one metric for both');
  assert.match(text, /^skep_run_events_total\{probe="calls:1",map="print_calls@calls:1"\} 8$/m);
  assert.match(text, /^skep_run_program_runs_total\{probe="reg.example\/calls:2",object="program.o@/m);
  assert.equal(summary.events['print_calls@calls:1'], 8);
  assert.equal(summary.events['print_calls@reg.example/calls:2'], 0);
  assert.deepEqual(
    summary.probes.map((p) => p.name),
    run.probes,
  );
  const [first] = lines.join('').split('\n');
  const record = JSON.parse(first!);
  assert.deepEqual([record.probe, record.map, record.data.n], ['calls:1', 'print_calls@calls:1', 0]);
});

test('a probe that fails says which of them it is, and nothing stays', { skip }, async () => {
  using producer = new Producer();
  const [good, other] = units(producer) as [RunUnit, RunUnit];
  const fails = (units: RunUnit[], message: RegExp, more = {}) =>
    assert.rejects(startRun({ name: 'both', objects: units, sinks: [], ...more }), { message });
  await fails([good, { ...other, bytes: bytes.subarray(0, 100) }], /^reg\.example\/calls:2: /);
  await fails(
    [good, { ...other, params: { none: '1' } }],
    /^reg\.example\/calls:2: there is no parameter "none"/,
  );
  await fails([good, { ...other, attachDefaults: ['calls=no/such'] }], /^reg\.example\/calls:2: /);
  // What is said for all is of none in particular.
  await fails([good, other], /^there is no parameter "none"/, { params: { none: '1' } });
  await fails([{ ...good, probe: undefined, params: { none: '1' } }], /^there is no parameter "none"/);
});

test('what is said for all counts for more than what is said for one', { skip }, async () => {
  using producer = new Producer();
  const params = { target_pid: String(producer.pid) };
  const run = await start({ name: 'both', objects: units(producer), params, sinks: [] });
  await producer.produce(5, 5);
  const { events, lost } = await run.stop();
  assert.equal(events['print_calls@calls:1'], 4);
  assert.equal(events['print_calls@reg.example/calls:2'], 4);
  assert.deepEqual(lost, []);
});
