import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExportStats } from '../src/index.ts';
import { FakeSeries, type Opened, openView, printStream, record, seriesStream } from './view-fixture.ts';

/** Sends records with pids from `from` on. */
function send(opened: Opened, from: number, count: number, comm = (i: number) => `proc${i}`): void {
  const stream = opened.run.streams[0]!;
  for (let i = from; i < from + count; i++) {
    const { u8, dv } = record(i, i % 5, (i * 37) % 1000, comm(i));
    opened.view.record(stream, { u8, dv }, 0, u8.length, Date.UTC(2026, 0, 1) + i);
  }
  opened.view.drained();
}

const body = (lines: string[]): string[] => lines.slice(3, -2);
const pids = (lines: string[]): number[] =>
  body(lines)
    .flatMap((l) => /^[* ]\S+ +(\d+)/.exec(l)?.[1] ?? [])
    .map(Number);
const status = (lines: string[]): string => lines.at(-2)!;

test('the first screen says what runs, on which hooks, and that it waits', async () => {
  using opened = openView([printStream(0).stream]);
  const lines = await opened.output.until((l) => l.join().includes('waiting for events'));
  assert.match(lines[0]!, /^ oomkill:latest {2}tracepoint\/oom\/mark_victim +up 00:00:0\d$/);
  assert.match(lines[1]!, /^ 1 print_events 0/);
  assert.match(lines[2]!, /^ time +pid +code +latency \(us\) +comm$/);
  assert.match(lines.join('\n'), /waiting for events – tracepoint\/oom\/mark_victim/);
  assert.match(status(lines), /events 0 {2}0\/s {2}drops 0 .* follow$/);
  assert.match(lines.at(-1)!, /\? Help \/ Filter s Sort .* q Quit/);
  assert.equal(opened.output.term.buffer.active.type, 'alternate');
  assert.equal(opened.input.raw, true);
});

test('until everything is attached, nobody is told that it waits for events', async () => {
  using opened = openView([printStream(0).stream], [80, 24], {}, undefined, true);
  const before = await opened.output.until((l) => l.join().includes('ATTACHING'));
  assert.doesNotMatch(before.join('\n'), /waiting for events/);
  opened.view.attached();
  const after = await opened.output.until((l) => l.join().includes('waiting for events'));
  assert.doesNotMatch(after.join('\n'), /ATTACHING/);
});

test('a probe without a map to show has no tab, and says why', async () => {
  using opened = openView([]);
  const lines = await opened.output.until((l) => l.join().includes('this probe has no print_'));
  assert.equal(lines[1], '');
});

test('numbers stand at the right of their column, texts at the left', async () => {
  using opened = openView([printStream(0).stream]);
  send(opened, 9, 2);
  const lines = await opened.output.until((l) => l.join().includes('proc10'));
  const head = lines[2]!;
  for (const [title, cell] of [
    ['pid', ' 9 '],
    ['latency (us)', '333 '],
  ] as const) {
    assert.equal(head.indexOf(title) + title.length, lines[3]!.indexOf(cell) + cell.trimEnd().length);
  }
  assert.equal(head.indexOf('comm'), lines[3]!.indexOf('proc9'));
});

test('the newest rows are followed at the bottom, also in a burst of 10,000', async () => {
  using opened = openView([printStream(0).stream]);
  send(opened, 1, 10_000);
  const lines = await opened.output.until((l) => l.join().includes('10000 '));
  assert.equal(pids(lines).at(-1), 10_000);
  assert.equal(pids(lines)[0], 10_000 - pids(lines).length + 1);
  assert.equal(pids(lines).length, 24 - 5);
  assert.match(status(lines), /10,000 rows {2}follow/);
});

test('only the newest 10,000 rows are kept', async () => {
  using opened = openView([printStream(0).stream]);
  send(opened, 1, 12_345);
  await opened.output.until((l) => status(l).includes('10,000 rows'));
  opened.input.type('\x1b[H');
  const lines = await opened.output.until((l) => pids(l)[0] === 2346);
  assert.doesNotMatch(status(lines), /follow/);
  opened.input.type('\x1b[F');
  await opened.output.until((l) => pids(l).at(-1) === 12_345 && status(l).includes('follow'));
});

test('a row that is read stays where it is while new ones come', async () => {
  using opened = openView([printStream(0).stream]);
  send(opened, 1, 100);
  await opened.output.until((l) => pids(l).at(-1) === 100);
  opened.input.type('\x1b[A');
  const before = await opened.output.until((l) => !status(l).includes('follow'));
  send(opened, 101, 500);
  const after = await opened.output.until((l) => status(l).includes('600 rows'));
  assert.deepEqual(pids(after), pids(before));
});

test('resizing paints the new size, down to 20×5 and up again', async () => {
  using opened = openView([printStream(0).stream]);
  send(opened, 1, 100);
  await opened.output.until((l) => pids(l).length === 19);
  opened.output.resize(20, 5);
  const small = await opened.output.until((l) => l[4]?.includes('q Quit') === true && l[2]!.includes('100'));
  assert.match(small[1]!, /time/);
  assert.match(small[3]!, /events/);
  opened.output.resize(120, 35);
  const large = await opened.output.until((l) => pids(l).length === 30);
  assert.match(large[34]!, /q Quit/);
  for (const [columns, rows] of [
    [1, 1],
    [3, 2],
    [10, 3],
    [19, 4],
    [300, 100],
  ] as const) {
    opened.output.resize(columns, rows);
    await opened.output.until((l) => l.join('').length > 0);
  }
});

test('a text narrowed in vain gets back what the columns left out leave free', async () => {
  const number = (name: string) => ({ name, role: 'field' as const, numeric: true });
  const wide = {
    ...printStream(0).stream,
    fields: [{ name: 'what', role: 'field' as const, numeric: false }, number('one'), number('two')],
    text: (i: number) => (i === 0 ? 'seventeen letters' : '18446744073709551615'),
  };
  using opened = openView([wide], [60, 24]);
  send(opened, 1, 1);
  const lines = await opened.output.until((l) => l.join().includes('18446744073709551615'));
  assert.match(lines[3]!, /seventeen letters {2}18446744073709551615$/);
  assert.match(lines[2]!, / one +›$/);
});

test('what a row is about keeps sixteen letters where other texts are cut to less', async () => {
  const named = {
    ...seriesStream(0, 'print_named', 'print'),
    fields: [
      { name: 'comm', role: 'label' as const, numeric: false },
      { name: 'other', role: 'value' as const, numeric: false },
      { name: 'last', role: 'value' as const, numeric: true },
    ],
  };
  using opened = openView([named], [44, 24], {}, (run) => {
    run.all.push(new FakeSeries(1, named, 'a-service-with-a-name-of-its-own', 1_234_567_890_123));
  });
  opened.view.tick();
  const lines = await opened.output.until((l) => l.join().includes('a-service'));
  assert.match(lines[3]!, /^ a-service-with-… {2}12345678… {2}1234567890123$/);
});

test('sorting by a column, the other way, and back to the order of arrival', async () => {
  using opened = openView([printStream(0).stream]);
  send(opened, 1, 50);
  opened.input.type('s');
  await opened.output.until((l) => l[2]!.includes('time▼') && pids(l)[0] === 50);
  opened.input.type('sss');
  const byLatency = await opened.output.until((l) => l[2]!.includes('latency (us)▼'));
  const latency = body(byLatency).map((l) => Number(l.trim().split(/\s+/)[3]));
  assert.deepEqual(
    latency,
    latency.toSorted((a, b) => b - a),
  );
  opened.input.type('r');
  const reversed = await opened.output.until((l) => l[2]!.includes('latency (us)▲'));
  assert.equal(Number(reversed[3]!.trim().split(/\s+/)[3]), 36);
  opened.input.type('>');
  await opened.output.until((l) => l[2]!.includes('comm▲') && pids(l)[0] === 1 && pids(l)[1] === 10);
  opened.input.type('>');
  await opened.output.until((l) => !/[▲▼]/.test(l[2]!) && pids(l).at(-1) === 50);
  opened.input.type('<');
  await opened.output.until((l) => l[2]!.includes('comm▲'));
});

test('new records take their place in a sorted table', async () => {
  using opened = openView([printStream(0).stream]);
  send(opened, 1, 30);
  opened.input.type('ss');
  await opened.output.until((l) => l[2]!.includes('pid▼') && pids(l)[0] === 30);
  send(opened, 500, 1);
  await opened.output.until((l) => pids(l)[0] === 500 && pids(l)[1] === 30);
});

test('the filter works while it is typed', async () => {
  using opened = openView([printStream(0).stream]);
  send(opened, 1, 100);
  opened.input.type('/');
  await opened.output.until((l) => l.at(-1)!.startsWith(' Filter:'));
  opened.input.type('proc9');
  const lines = await opened.output.until((l) => status(l).includes('"proc9" 11 of 100'));
  assert.deepEqual(pids(lines), [9, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
  opened.input.type('\x7f\x7f5 !code:0');
  await opened.output.until((l) => status(l).includes('"pro5 !code:0"'));
  opened.input.type('\x15PROC9 !pid:90');
  const narrowed = await opened.output.until((l) => status(l).includes('10 of 100'));
  assert.deepEqual(pids(narrowed), [9, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
  opened.input.type('\r');
  await opened.output.until((l) => l.at(-1)!.includes('? Help'));
  send(opened, 990, 2);
  await opened.output.until((l) => pids(l).at(-1) === 991);
  opened.input.type('/\x15nothing like it\r');
  await opened.output.until((l) => l.join().includes('no row matches "nothing like it"'));
  opened.input.type('/\x1b');
  await opened.output.until((l) => status(l).includes('102 rows'));
});

test('a pause holds the screen; what comes meanwhile is there afterwards', async () => {
  using opened = openView([printStream(0).stream]);
  send(opened, 1, 30);
  const before = await opened.output.until((l) => pids(l).at(-1) === 30);
  opened.input.type(' ');
  await opened.output.until((l) => status(l).includes('PAUSED'));
  opened.run.over = { events: { print_events: 20_030 } };
  send(opened, 31, 20_000);
  const paused = await opened.output.until((l) => status(l).includes('events 20,030'));
  assert.deepEqual(pids(paused), pids(before));
  opened.input.type('p');
  await opened.output.until((l) => pids(l).at(-1) === 20_030 && !status(l).includes('PAUSED'));
});

test('a pause before anything came holds too', async () => {
  using opened = openView([printStream(0).stream]);
  opened.input.type('p');
  await opened.output.until((l) => status(l).includes('PAUSED'));
  send(opened, 1, 5);
  await opened.output.until((l) => l[1]!.includes('print_events 5'));
  assert.deepEqual(pids(opened.output.lines()), []);
  opened.input.type('p');
  await opened.output.until((l) => pids(l).length === 5);
});

test('a frozen record stays on top after the table dropped it', async () => {
  using opened = openView([printStream(0).stream]);
  send(opened, 1, 30);
  opened.input.type('\x1b[Hf\x1b[F');
  await opened.output.until((l) => l[3]!.startsWith('*') && l[4]!.includes('1 held on top'));
  send(opened, 31, 15_000);
  const lines = await opened.output.until((l) => l.join().includes('15030 '));
  assert.match(lines[3]!, /^\*\S+ +1 .* proc1$/);
  opened.input.type('F');
  await opened.output.until((l) => !l[3]!.startsWith('*'));
});

test('a frozen series goes on changing, sorted or filtered away or not', async () => {
  const counter = seriesStream(0, 'counter_calls', 'counter');
  using opened = openView([counter], [80, 24], {}, (run) => {
    run.all.push(new FakeSeries(1, counter, 'nginx', 10), new FakeSeries(2, counter, 'node', 5000));
  });
  opened.view.tick();
  await opened.output.until((l) => /node +5,000/.test(l[3]!));
  opened.input.type('\x1b[B\x1b[Bf/node\r');
  await opened.output.until((l) => /^\*nginx +10/.test(l[3]!) && /node/.test(l[5]!));
  opened.run.all[0]!.value = 11;
  opened.view.tick();
  await opened.output.until((l) => /^\*nginx +11/.test(l[3]!));
});

test('counters: largest first, with a rate per second that can be switched off', async () => {
  const counter = seriesStream(0, 'counter_calls', 'counter');
  using opened = openView([counter], [80, 24], {}, (run) => {
    for (let i = 0; i < 5; i++) run.all.push(new FakeSeries(i, counter, `proc${i}`, i * 1000));
  });
  opened.view.tick();
  const first = await opened.output.until((l) => /proc4 +4,000 +–/.test(l[3]!));
  assert.match(first[2]!, / comm +value▼ +rate\/s/);
  opened.run.all[0]!.value = 1e9;
  opened.view.tick();
  await opened.output.until((l) => /proc0 +1,000,000,000 +[\d.]+[GT]/.test(l[3]!));
  opened.input.type('t');
  await opened.output.until((l) => !l[2]!.includes('rate/s'));
});

test('a series that left is gone with the next tick', async () => {
  const gauge = seriesStream(0, 'gauge_open', 'gauge');
  using opened = openView([gauge], [80, 24], {}, (run) => {
    run.all.push(new FakeSeries(1, gauge, 'a', 1), new FakeSeries(2, gauge, 'b', 2));
  });
  opened.view.tick();
  await opened.output.until((l) => status(l).includes('2 rows'));
  opened.run.all.splice(0, 1);
  opened.view.tick();
  const lines = await opened.output.until((l) => status(l).includes('1 row'));
  assert.match(lines[3]!, /^ b +2$/);
});

test('a paused series table keeps its numbers', async () => {
  const counter = seriesStream(0, 'counter_calls', 'counter');
  using opened = openView([counter, printStream(1).stream], [80, 24], {}, (run) => {
    run.all.push(new FakeSeries(1, counter, 'a', 1));
  });
  opened.view.tick();
  await opened.output.until((l) => / a +1 /.test(l[3]!));
  opened.input.type('p');
  await opened.output.until((l) => status(l).includes('PAUSED'));
  opened.run.all[0]!.value = 77;
  opened.run.over = { events: { e: 9 } };
  opened.view.tick();
  const lines = await opened.output.until((l) => status(l).includes('events 9'));
  assert.match(lines[3]!, / a +1 /);
  opened.input.type('p');
  await opened.output.until((l) => / a +77 /.test(l[3]!));
});

test('histograms: percentiles and a small drawing a row, bars of the selected one, and in full on enter', async () => {
  const hist = seriesStream(0, 'hist_latency', 'hist', 'us');
  using opened = openView([hist], [80, 24], {}, (run) => {
    const bounds = [1, 2, 4, 8, 16];
    const one = { bounds, counts: [0, 50, 100, 50, 0, 0], count: 200, sum: 800 };
    const two = { bounds, counts: [0, 0, 0, 0, 0, 3], count: 3, sum: undefined };
    run.all.push(new FakeSeries(1, hist, 'nginx', 200, one), new FakeSeries(2, hist, 'node', 3, two));
  });
  opened.view.tick();
  const lines = await opened.output.until((l) => /nginx +200 +–/.test(l[3]!));
  assert.match(lines[2]!, /comm +count▼ +rate\/s +avg +p50 +p99 +distribution$/);
  assert.match(lines[3]!, /^ nginx +200 +– +4us +3us +7.84us +▄█▄/);
  const bars = lines.filter((l) => l.includes(' – ') && l.endsWith('%'));
  assert.match(bars[0]!, /^ +1us – 2us +50 {2}█+▌? 25\.0%$/);
  assert.match(bars[1]!, /^ +2us – 4us +100 {2}█+ 50\.0%$/);
  const length = (l: string): number => l.match(/█/g)!.length;
  assert.equal(Math.round(length(bars[1]!) / length(bars[0]!)), 2);
  opened.input.type('\x1b[B');
  await opened.output.until(
    (l) => l.join('\n').includes('comm=node') && / > 16us +3 +█+ 100/.test(l.join('\n')),
  );
  opened.input.type('\r');
  const detail = await opened.output.until((l) => l[2]!.includes('comm=node'));
  assert.match(detail[3]!, /> 16us +3 +█+ 100\.0%/);
  opened.input.type('q');
  await opened.output.until((l) => l[2]!.includes('distribution'));
  assert.equal(opened.quits, 0);
});

test('a histogram without a value says so instead of listing its buckets', async () => {
  const hist = seriesStream(0, 'hist_size', 'hist', 'bytes');
  using opened = openView([hist], [80, 24], {}, (run) => {
    const bounds = Array.from({ length: 30 }, (_, i) => 2 ** i);
    const counts = new Array<number>(31).fill(0);
    run.all.push(new FakeSeries(1, hist, 'dd', 0, { bounds, counts, count: 0, sum: undefined }));
  });
  opened.view.tick();
  const lines = await opened.output.until((l) => l.join().includes('nothing observed yet'));
  assert.doesNotMatch(lines.join('\n'), /≤|more buckets/);
});

test('a histogram with more buckets than lines says so, and scrolls in full', async () => {
  const hist = seriesStream(0, 'hist_size', 'hist', 'bytes');
  using opened = openView([hist], [80, 16], {}, (run) => {
    const bounds = Array.from({ length: 30 }, (_, i) => 2 ** i);
    const counts = Array.from({ length: 31 }, () => 1);
    run.all.push(new FakeSeries(1, hist, 'dd', 31, { bounds, counts, count: 31, sum: undefined }));
  });
  opened.view.tick();
  await opened.output.until((l) => /^ {2}2\d more buckets: enter, arrows$/.test(l[13]!));
  opened.input.type('\r\x1b[F');
  await opened.output.until((l) => / > 512MiB +1 /.test(l[13]!));
});

test('enter shows a record in full, with what the table had to cut', async () => {
  using opened = openView([printStream(0).stream], [40, 12]);
  send(opened, 1, 3, () => 'a-name-that-takes-32-characters!');
  await opened.output.until((l) => pids(l).length === 3);
  opened.input.type('\r');
  const lines = await opened.output.until((l) => l.join('\n').includes('print_events ─'));
  assert.match(lines.join(''), /a-name-that-takes-32-ch/);
  opened.input.type('\x1b');
  await opened.output.until((l) => pids(l).length === 3);
});

test('tabs: numbers, arrows and tab move between maps; a narrow screen keeps the active one', async () => {
  const streams = [
    printStream(0).stream,
    ...[1, 2, 3, 4].map((i) => seriesStream(i, `gauge_number_${i}`, 'gauge')),
  ];
  using opened = openView(streams, [40, 12]);
  opened.input.type('3');
  await opened.output.until((l) => l[1]!.includes('3 gauge_number_2') && l[2]!.includes('comm'));
  opened.input.type('\x1b[C\t');
  await opened.output.until((l) => l[1]!.includes('5 gauge_number_4'));
  opened.input.type('\x1b[C');
  await opened.output.until((l) => l[1]!.startsWith(' 1 print_events'));
  opened.input.type('\x1b[D');
  await opened.output.until((l) => l[1]!.startsWith('‹'));
});

test('drops are red and named; without a count they are not called zero', async () => {
  using opened = openView([printStream(0).stream], [100, 24], {}, (run) => {
    run.over = { lost: [{ map: 'print_events', reason: 'ring_full', count: 1234 }] };
  });
  const lines = await opened.output.until((l) => status(l).includes('drops 1,234'));
  assert.match(status(lines), /drops 1,234 \(print_events ring_full\)/);
  const at = status(lines).indexOf('drops');
  const cell = opened.output.term.buffer.active.getLine(22)!.getCell(at)!;
  assert.equal(cell.getBgColor(), 160);

  using unknown = openView([printStream(0).stream], [80, 24], {}, (run) => {
    run.over = { lossUnknown: ['print_events'] };
  });
  await unknown.output.until((l) => status(l).includes('drops not counted'));
  using full = openView([printStream(0).stream], [80, 24], {}, (run) => {
    run.over = { lossUnknown: ['print_events'], foundFull: { print_events: 3 } };
  });
  await full.output.until((l) => status(l).includes('drops likely (found full 3x)'));
});

test('whether OTLP reaches its receiver is on the status line where any is sent', async () => {
  const sent: ExportStats = {
    ...{ signal: 'metrics', url: 'http://127.0.0.1:4318/v1/metrics', requests: 1, retries: 0, waiting: 0 },
    ...{ handedIn: 10, delivered: 10, failing: false },
    lost: { queue_full: 0, rejected: 0, timeout: 0, shutdown: 0, invalid: 0 },
  };
  using opened = openView([printStream(0).stream], [100, 24]);
  const lines = await opened.output.until((l) => status(l).includes('drops 0'));
  assert.doesNotMatch(status(lines), /otlp/);
  opened.run.over = { exports: [sent] };
  await opened.output.until((l) => status(l).includes('otlp ok'));
  opened.run.over = { exports: [sent, { ...sent, failing: true }] };
  await opened.output.until((l) => status(l).includes('otlp fails'));
  opened.run.over = { exports: [{ ...sent, lost: { ...sent.lost, timeout: 1000, rejected: 234 } }] };
  await opened.output.until((l) => status(l).includes('otlp lost 1,234'));
});

test('the cost of the probe and of skep is on the status line', async () => {
  using opened = openView([printStream(0).stream], [100, 24]);
  opened.run.programs = [{ ...opened.run.programs[0]!, runs: 1000n, runTimeNs: 0n }];
  await opened.output.until((l) => status(l).includes('probe n/a cpu'));
  opened.run.programs = [{ ...opened.run.programs[0]!, runs: 2000n, runTimeNs: 50_000_000n }];
  opened.run.over = { ownCpuUs: 20_000, events: { print_events: 1000 } };
  const lines = await opened.output.until((l) => /probe [45]\.\d% cpu/.test(status(l)));
  assert.match(
    status(lines),
    /events 1,000 {2}\d+\/s {2}drops 0 {2}probe [45]\.\d% cpu {2}skep (1\.\d|2\.0)% cpu/,
  );
});

test('control characters in data reach the screen as text only', async () => {
  using opened = openView([printStream(0).stream]);
  send(opened, 1, 1, () => '\x1b[2J\x1b]0;own\x07\r\n');
  const lines = await opened.output.until((l) => l.join().includes('own'));
  assert.match(lines[3]!, /\\x1b\[2J\\x1b\]0;own\\x07\\r\\n/);
  assert.ok(!opened.output.writes.some((w) => w.includes('\x1b]') || w.includes('\x07')));
});

test('wide characters do not shift what stands beside them', async () => {
  const counter = seriesStream(0, 'counter_calls', 'counter');
  using opened = openView([counter], [80, 24], {}, (run) => {
    run.all.push(new FakeSeries(1, counter, '日本語', 20), new FakeSeries(2, counter, 'plain', 10));
  });
  opened.view.tick();
  const lines = await opened.output.until((l) => l[4]?.includes('plain') === true);
  const column = (y: number, digits: string): number => {
    const line = opened.output.term.buffer.active.getLine(y)!;
    for (let x = 0; x < 80; x++)
      if (line.getCell(x)!.getChars() === digits[0] && line.getCell(x + 1)!.getChars() === digits[1])
        return x;
    return -1;
  };
  assert.match(lines[3]!, /日本語/);
  assert.ok(column(3, '20') > 0);
  assert.equal(column(3, '20'), column(4, '10'));
});

test('without colour only bold, dim, underline and reverse are used', async () => {
  for (const env of [{ NO_COLOR: '1', TERM: 'xterm-256color' }, { TERM: 'dumb' }, { TERM: 'vt100' }]) {
    using opened = openView([printStream(0).stream], [80, 24], { env });
    send(opened, 1, 30);
    await opened.output.until((l) => l.join().includes('30 '));
    opened.input.type('\x1b[A');
    await opened.output.until((l) => !status(l).includes('follow'));
    const parameters = opened.output.writes.join('').match(/\x1b\[[\d;]*m/g)!;
    for (const sgr of parameters) assert.match(sgr, /^\x1b\[0(;[1247])*m$/);
  }
});

test('each terminal gets the colours it knows', async () => {
  const looks: [NodeJS.ProcessEnv, RegExp][] = [
    [{ TERM: 'xterm' }, /\x1b\[0;30;43m/],
    [{ TERM: 'screen-256color' }, /48;5;214m/],
    [{ TERM: 'xterm', COLORTERM: 'truecolor' }, /48;2;240;168;48m/],
  ];
  for (const [env, expected] of looks) {
    using opened = openView([printStream(0).stream], [80, 24], { env });
    assert.match(opened.output.writes.join(''), expected);
  }
});

test('a locale without UTF-8 gets ASCII and nothing else', async () => {
  const hist = seriesStream(0, 'hist_latency', 'hist');
  using opened = openView(
    [hist, printStream(1).stream],
    [100, 30],
    { env: { TERM: 'xterm', LC_ALL: 'C' } },
    (run) => {
      run.all.push(new FakeSeries(1, hist, 'né', 3, { bounds: [1, 2], counts: [1, 1, 1], count: 3, sum: 4 }));
    },
  );
  opened.view.tick();
  await opened.output.until((l) => l.join().includes('n\\xe9'));
  opened.input.type('f?');
  await opened.output.until((l) => l.join().includes('Keys'));
  opened.input.type('?2');
  await opened.output.until((l) => l.join().includes('waiting for events - '));
  assert.match(opened.output.writes.join(''), /^[\x00-\x7f]*$/);
});

test('help lists the keys and scrolls on a small screen', async () => {
  using opened = openView([printStream(0).stream], [60, 10]);
  opened.input.type('?');
  const lines = await opened.output.until((l) => l.join().includes('Keys'));
  assert.match(lines.join('\n'), /\? {2}h {2}F1 {2}this help/);
  opened.input.type('\x1b[F');
  await opened.output.until((l) => l.join().includes('detach everything and leave'));
  opened.input.type('??');
  await opened.output.until((l) => l.join().includes('this help'));
});

test('a message stands above the status line until Esc', async () => {
  using opened = openView([printStream(0).stream], [80, 24], {}, (run) => {
    run.over = { notes: ['port 9091 is taken: no /metrics'] };
  });
  await opened.output.until((l) => l[21]!.includes('port 9091 is taken: no /metrics'));
  opened.view.notice('the map could not be read: \x1b[31m', 'error');
  await opened.output.until((l) => l[21]!.includes('(1 of 2)'));
  opened.input.type('\x1b');
  await opened.output.until((l) => l[21]!.includes('could not be read: \\x1b[31m'));
  opened.input.type('\x1b');
  await opened.output.until((l) => l[21] === '');
});

test('q and ctrl-c ask for the end once; only ctrl-c again does not wait', async () => {
  let forced = 0;
  using opened = openView([printStream(0).stream], [80, 24], { onForceQuit: () => forced++ });
  opened.input.type('q');
  await opened.output.until((l) => status(l).includes('STOPPING'));
  assert.deepEqual([opened.quits, forced], [1, 0]);
  opened.input.type('q');
  opened.input.emit('end');
  assert.deepEqual([opened.quits, forced], [1, 0]);
  opened.input.type('\x03');
  assert.deepEqual([opened.quits, forced], [1, 1]);
});

test('ctrl-c leaves from the filter line too, and a pasted q does not leave', () => {
  using opened = openView([printStream(0).stream]);
  opened.input.type('\x1b[200~q\x1b[201~');
  assert.equal(opened.quits, 0);
  opened.input.type('/q\x03');
  assert.equal(opened.quits, 1);
});

test('a terminal that goes away asks for the end', () => {
  using opened = openView([printStream(0).stream]);
  opened.input.emit('end');
  assert.equal(opened.quits, 1);
});

test('a probe without maps to show says so', async () => {
  using opened = openView([]);
  await opened.output.until((l) => l.join().includes('no print_, counter_, gauge_ or hist_ map'));
  opened.input.type('sr/\x1bf\rp\t1');
  await opened.output.until((l) => status(l).includes('PAUSED'));
});
