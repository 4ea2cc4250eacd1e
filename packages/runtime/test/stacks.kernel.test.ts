import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fixture } from '../../../test/support/fixtures.ts';
import { FlameSink } from '../src/flame/sink.ts';
import { prometheusText, type Run, type RunSummary, seriesData, startRun } from '../src/index.ts';
import { boxesOf } from './support/flame.ts';
import { Collect } from './support/sinks.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const CALLS = 5;

let sink: Collect;
let summary: RunSummary;
let folded = '';
const folder = mkdtempSync(join(tmpdir(), 'skep-flame-'));
const drawing = (name: string): string => join(folder, name);
after(() => rmSync(folder, { recursive: true }));

/** What was seen before the end. */
const seen: {
  series: Map<
    string,
    { data: Record<string, unknown>; json: Record<string, unknown>; texts: string[]; value: number }[]
  >;
  metrics: string;
} = {
  series: new Map(),
  metrics: '',
};

async function look(run: Run): Promise<void> {
  for (const series of run.series) {
    const rows = seen.series.get(series.stream.map) ?? [];
    const texts = series.stream.fields.map((_, i) => series.text(i));
    rows.push({ data: series.data, json: seriesData(series), texts, value: Number(series.value) });
    seen.series.set(series.stream.map, rows);
  }
  seen.metrics = await prometheusText(run);
}

before(async () => {
  if (skip) return;
  const bytes = await fixture(new URL('./stacks.bpf.c', import.meta.url));
  sink = new Collect();
  const run = await startRun({
    name: 'stacks',
    objects: [{ name: 'stacks.o', bytes }],
    params: { target_pid: String(process.pid) },
    sinks: [
      sink,
      { name: 'look', stop: () => look(run) },
      new FlameSink({ svg: drawing('series.svg'), folded: (text) => (folded = text) }),
      new FlameSink({ svg: drawing('records.svg'), map: 'print_kills' }),
    ],
  });
  for (let i = 0; i < CALLS; i++) process.kill(process.pid, 0);
  await sink.until(CALLS);
  summary = await run.stop();
});

/** The functions of a JSON stack without offsets and modules. */
function functions(stack: unknown): string[] {
  assert.ok(Array.isArray(stack), 'a stack is a list of frames');
  return stack.map((frame) => String(frame).replace(/\+0x[0-9a-f]+( [([].*)?$/, ''));
}

let known: Set<string | undefined> | undefined;

function assertKernelStack(stack: unknown): void {
  known ??= new Set(
    readFileSync('/proc/kallsyms', 'latin1')
      .split('\n')
      .map((line) => line.split(/\s/)[2]),
  );
  const names = functions(stack);
  assert.ok(names.length >= 2, names.join());
  // The frame of the program itself has a name only while it is loaded.
  for (const name of names)
    assert.ok(known.has(name) || name.startsWith('bpf_prog_'), `${name} is in kallsyms`);
  assert.ok(
    names.some((name) => /^(do_syscall_64|el0_svc|x64_sys_call|invoke_syscall)/.test(name)),
    names.join(),
  );
}

test('ids in a key: one series, its stacks as lists in JSON and in one line as text', { skip }, () => {
  const rows = seen.series.get('counter_kills')!;
  assert.equal(
    rows.reduce((sum, { value }) => sum + value, 0),
    CALLS,
  );
  for (const { data, texts } of rows) {
    assert.equal(data.pid, process.pid);
    assertKernelStack(data.kernel);
    const user = data.user as string[];
    assert.match(user[0]!, /^kill\+0x[0-9a-f]+ \(libc\.so\.6\)$/);
    assert.equal(texts[2], user.join(' <- '));
    assert.equal(texts[1], (data.kernel as string[]).join(' <- '));
  }
});

test('ids in a value are named as those in a key are', { skip }, () => {
  const rows = seen.series.get('print_last')!;
  assert.equal(rows.length, 1);
  const [, tgid, kernel, user] = rows[0]!.texts;
  assert.equal(tgid, String(process.pid));
  assertKernelStack(kernel!.split(' <- '));
  assert.match(user!, /^kill\+0x[0-9a-f]+ \(libc\.so\.6\) <- /);
  const { kernel: frames, user: own } = rows[0]!.json;
  assert.deepEqual({ frames, own }, { frames: kernel!.split(' <- '), own: user!.split(' <- ') });
});

test('stacks by build id name the same functions', { skip }, () => {
  const [row] = seen.series.get('counter_files')!;
  const [top] = row!.data.user as string[];
  assert.match(top!, /^kill\+0x[0-9a-f]+ \(libc\.so\.6\)$/);
});

test('an id that does not say which map it is of stays a number, and a note says so', { skip }, () => {
  const [row] = seen.series.get('counter_plain')!;
  assert.equal(typeof row!.data.ustack_id, 'number');
  const note = summary.notes.find((text) => text.includes('"ustack_id" stays a number'));
  assert.match(note!, /there are stacks, files and small/);
});

test('addresses in a record, beside the pid of their struct; private members stay away', { skip }, () => {
  assert.equal(sink.records.length, CALLS);
  for (const { data } of sink.records) {
    const who = data.who as { stack: string[] };
    assert.match(who.stack[0]!, /^kill\+0x[0-9a-f]+ \(libc\.so\.6\)$/);
    assertKernelStack(data.kernel);
    assertKernelStack(data.id);
    assert.equal(data.secret, undefined);
  }
});

test('labels of metrics are folded stacks, each set of labels once', { skip }, () => {
  const lines = seen.metrics.split('\n').filter((line) => line.startsWith('skep_kills_total{'));
  assert.ok(lines.length > 0, seen.metrics);
  assert.equal(new Set(lines.map((line) => line.replace(/ \S+$/, ''))).size, lines.length);
  assert.equal(
    lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0),
    CALLS,
  );
  assert.match(lines[0]!, /user="[^"]*;kill"/);
});

test('a stack whose place is taken is counted', { skip }, () => {
  // The kernel's, which is the same each time, has the one place; the user's finds it taken.
  const lost = summary.lost.find((l) => l.map === 'small');
  assert.deepEqual(lost, { map: 'small', reason: 'stack_lost', count: CALLS });
});

test('of a map of stacks that counts none whose place was taken, nobody knows what was lost', {
  skip,
}, () => {
  assert.deepEqual(summary.lossUnknown, ['files']);
});

test('a flame graph of a map: each box as wide as what the map counted below it', { skip }, () => {
  const boxes = boxesOf(readFileSync(drawing('series.svg'), 'utf8'));
  const rows = seen.series.get('counter_kills')!;
  const total = rows.reduce((sum, { value }) => sum + value, 0);
  assert.equal(boxes.find((b) => b.name === 'stacks')!.value, total);
  const kill = rows
    .filter(({ data }) => functions(data.user)[0] === 'kill')
    .reduce((sum, { value }) => sum + value, 0);
  const drawn = boxes.filter((b) => b.name === 'kill').reduce((sum, { value }) => sum + value, 0);
  assert.equal(drawn, kill);
  // Process below the user's frames, these below the kernel's.
  const kinds = folded
    .split('\n')[0]!
    .split(';')
    .map((name) => name.replace(/ \d+$/, '').endsWith('_[k]'));
  assert.deepEqual(kinds, kinds.toSorted());
  assert.ok(kinds.includes(true));
  const sum = folded
    .trim()
    .split('\n')
    .reduce((n, line) => n + Number(/ (\d+)$/.exec(line)![1]), 0);
  assert.equal(sum, total);
});

test('a flame graph of records counts each of them, and leaves no part of a file behind', { skip }, () => {
  const boxes = boxesOf(readFileSync(drawing('records.svg'), 'utf8'));
  assert.equal(boxes.find((b) => b.name === 'stacks')!.value, CALLS);
  assert.deepEqual(readdirSync(folder).sort(), ['records.svg', 'series.svg']);
});

test('what cannot be drawn is refused before anything is attached', { skip }, async () => {
  const bytes = await fixture(new URL('./stacks.bpf.c', import.meta.url));
  const start = (sink: FlameSink) =>
    startRun({
      name: 'stacks',
      objects: [{ name: 'stacks.o', bytes }],
      params: { target_pid: '1' },
      sinks: [sink],
    });
  await assert.rejects(start(new FlameSink({ svg: drawing('x.svg'), map: 'counter_plain' })), {
    code: 'SKEP_FLAME',
    message: 'stacks has no map "counter_plain" with stacks',
    hint: 'Maps with stacks: counter_kills, counter_files and print_kills.',
  });
  await assert.rejects(start(new FlameSink({ svg: '/no/such/folder/x.svg' })), { code: 'SKEP_FLAME' });
});
