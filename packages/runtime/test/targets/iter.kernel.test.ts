import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { fixture } from '../../../../test/support/fixtures.ts';
import { type Run, type RunRequest, type RunSummary, startRun } from '../../src/index.ts';
import { Collect, rowsOf } from '../support/sinks.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const running: Run[] = [];
afterEach(async () => {
  for (const run of running.splice(0)) await run.stop();
});

async function run(sink: Collect, more: Partial<RunRequest> = {}): Promise<Run> {
  const started = await startRun({
    name: 'iter',
    objects: [{ name: 'iter.o', bytes: await fixture(new URL('./iter.bpf.c', import.meta.url)) }],
    params: { only_pid: String(process.pid) },
    attach: ['elements=table'],
    sinks: [sink],
    ...more,
  });
  running.push(started);
  return started;
}

/** The threads of this process, as the other truth. */
const threads = () =>
  readdirSync('/proc/self/task')
    .map(Number)
    .sort((a, b) => a - b);
/** Whether the iterator over a map could be loaded: hardened kernels refuse it. */
const has = ({ notes }: Pick<RunSummary, 'notes'>) =>
  !notes.some((n) => n.startsWith('elements was left out'));
const of = (sink: Collect, map: string) => sink.records.filter((r) => r.map === map).map((r) => r.data);

test('a run of iterators alone reads each once and ends', { skip }, async (t) => {
  const sink = new Collect();
  const expected = threads();
  const summary = await (await run(sink)).closed;
  assert.equal(summary.reason, 'read', String((summary.error as Error | undefined)?.stack));
  const rows = of(sink, 'rows') as { pid: number; comm: string }[];
  const pids = rows.map((r) => r.pid);
  for (const pid of expected) assert.ok(pids.includes(pid), `${pid} of ${pids}`);
  assert.deepEqual(Object.keys(rows[0]!), ['pid', 'comm']);
  const lines = of(sink, 'lines').map((d) => d.line);
  assert.deepEqual(
    lines,
    rows.map((r) => `${r.pid} "${r.comm}"`),
  );
  if (has(summary))
    assert.deepEqual(
      of(sink, 'elements').map((d) => d.line),
      ['key 0', 'key 1', 'key 2'],
    );
  else t.diagnostic('this kernel has no iter/bpf_map_elem');
  assert.equal(summary.events.rows, rows.length);
  assert.deepEqual(summary.lost, []);
});

test('on the interval they are read again, filters and the count of events hold', { skip }, async () => {
  const sink = new Collect();
  const filters = [`lines,line,^${process.pid} `, 'elements,line,^nothing$', 'rows,comm,^nothing$'];
  const started = await run(sink, { iterate: 'interval', intervalMs: 20, filters, maxEvents: 5 });
  const summary = await started.closed;
  assert.equal(summary.reason, 'max-events');
  const { line } = of(sink, 'lines')[0]!;
  assert.match(String(line), new RegExp(`^${process.pid} "`));
  assert.deepEqual(of(sink, 'lines'), Array(5).fill({ line }));
  assert.ok(summary.filtered.lines! >= 4 * (threads().length - 1));
});

test('an iterator that fills a map is read before the map is', { skip }, async () => {
  const started = await run(new Collect(), { iterate: 'hold', intervalMs: 60_000 });
  const count = async () => Number((await rowsOf(started, 'gauge_threads')).get(String(process.pid)));
  const first = await count();
  assert.ok(first >= threads().length - 1, `${first}`);
  // A refresh of an older one than 50 ms reads again.
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.ok((await count()) >= 2 * first - 2);
});

test('a map that is not there is told', { skip }, async () => {
  await assert.rejects(run(new Collect(), { attach: ['elements=nosuch'] }), {
    code: 'SKEP_TARGET',
    message: /has no map "nosuch"/,
    hint: /gauge_threads and table/,
  });
});
