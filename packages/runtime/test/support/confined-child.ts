/** A run that has given up its privileges, and what it still sees: `confined-child.ts EVENTS.o ITERATORS.o ring|perf`. */
import { readFileSync } from 'node:fs';
import { BpfObject } from '@skep/bpf';
import { prometheusText, startRun } from '../../src/index.ts';
import { Producer } from './producer.ts';
import { Collect } from './sinks.ts';

const [events = '', iterators = '', buffer] = process.argv.slice(2);
using producer = new Producer();
const sink = new Collect();
const run = await startRun({
  name: 'confined',
  objects: [
    {
      ...{ probe: 'events', name: 'events.o', bytes: readFileSync(events) },
      params: { target_pid: String(producer.pid) },
    },
    {
      ...{
        probe: 'iter',
        name: 'iter.o',
        bytes: readFileSync(iterators),
        params: { only_pid: String(process.pid) },
      },
      attachDefaults: ['elements=table'],
    },
  ],
  buffer: buffer as 'ring' | 'perf',
  iterate: 'hold',
  confine: { keep: [] },
  sinks: [sink],
});
const refused = await BpfObject.open(readFileSync(events))
  .load()
  .then(
    () => 'loaded',
    (error: { errno?: number; code?: string }) => error.errno ?? error.code,
  );
await producer.produce(100, 10);
const scraped = await prometheusText(run);
const { reason, error, notes, lost } = await run.stop();
const calls = sink.records.filter((r) => r.map === 'print_calls').length;
const counted = await prometheusText(run);
console.log(
  JSON.stringify({
    ...{ refused, calls, reason, error: error === undefined ? null : String(error), notes, lost },
    kinds: counted.match(/^skep_kinds_total\{.*\} \d+$/gm),
    threads: Number(/^skep_threads\{.*\} (\d+)$/m.exec(scraped)?.[1]),
    rows: sink.records.filter((r) => r.map === 'rows').length,
    uid: process.getuid!(),
    caps: /CapEff:\s*(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1],
  }),
);
