import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mock, test } from 'node:test';
import { FakeSeries, openView, printStream, record, seriesStream } from './view-fixture.ts';

// Guards on what work costs, counted in decodes, writes and bytes: times would depend on the machine.

/** Takes writes and shows them nowhere: the emulator has timers of its own, which a test of timers cannot have. */
class PlainOutput extends EventEmitter {
  readonly columns = 80;
  readonly rows = 24;
  readonly writes: string[] = [];
  write(text: string): boolean {
    this.writes.push(text);
    return true;
  }
}

const FIELDS = 4;
const ROWS = 19;

test('a million events are copied, and only the rows on screen are decoded', async () => {
  const { stream, decoded } = printStream(0);
  using opened = openView([stream]);
  const { u8, dv } = record(0, 1, 2, 'load');
  const writes = opened.output.writes.length;
  for (let i = 1; i <= 1_000_000; i++) {
    dv.setUint32(0, i, true);
    opened.view.record(stream, { u8, dv }, 0, u8.length, i);
    if (i % 1000 === 0) opened.view.drained();
  }
  assert.equal(decoded.text + decoded.read, 0);
  assert.equal(opened.output.writes.length, writes);
  await opened.output.until((l) => l.join().includes(' 1000000 '));
  const frames = opened.output.writes.length - writes;
  assert.ok(decoded.text <= frames * ROWS * FIELDS, `${decoded.text} decodes in ${frames} frames`);
  assert.equal(decoded.read, 0);
});

test('an idle view writes the clock once a second, a few bytes, and nothing once stopped', () => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 });
  try {
    const output = new PlainOutput();
    const opened = openView([printStream(0).stream, seriesStream(1, 'gauge_x', 'gauge')], [80, 24], {
      output,
    });
    mock.timers.tick(200); // "attaching" goes
    const before = output.writes.length;
    for (let i = 0; i < 100; i++) mock.timers.tick(100);
    const idle = output.writes.slice(before);
    assert.ok(idle.length >= 9, `${idle.length} writes in ten seconds`);
    assert.ok(idle.length <= 11, `${idle.length} writes in ten seconds`);
    for (const write of idle) assert.ok(write.length < 60, JSON.stringify(write));
    opened.view.stop();
    const stopped = output.writes.length;
    mock.timers.tick(10_000);
    assert.equal(output.writes.length, stopped);
  } finally {
    mock.timers.reset();
  }
});

test('ten frames a second at most, each one write in a synchronized update', () => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 });
  try {
    const { stream } = printStream(0);
    const output = new PlainOutput();
    const opened = openView([stream], [80, 24], { output });
    const { u8, dv } = record(1, 1, 2, 'load');
    const before = output.writes.length;
    for (let ms = 0; ms < 10_000; ms += 10) {
      dv.setUint32(0, ms, true);
      for (let i = 0; i < 3; i++) opened.view.record(stream, { u8, dv }, 0, u8.length, ms);
      opened.view.drained();
      mock.timers.tick(10);
    }
    const frames = output.writes.slice(before);
    assert.ok(frames.length >= 50 && frames.length <= 120, `${frames.length} frames in ten seconds`);
    for (const frame of frames) assert.match(frame, /^\x1b\[\?2026h[\s\S]*\x1b\[\?2026l$/);
    opened.view.stop();
  } finally {
    mock.timers.reset();
  }
});

test('a terminal that does not keep up gets no more frames until it has', async () => {
  const { stream } = printStream(0);
  using opened = openView([stream]);
  opened.output.accepts = false;
  const { u8, dv } = record(5, 1, 2, 'slow');
  const send = (): void => {
    opened.view.record(stream, { u8, dv }, 0, u8.length, 1);
    opened.view.drained();
  };
  send();
  await opened.output.until((l) => l.join().includes('slow'));
  const stuck = opened.output.writes.length;
  send();
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.equal(opened.output.writes.length, stuck);
  opened.output.accepts = true;
  opened.output.emit('drain');
  await opened.output.until((l) => l[4]!.includes('slow'));
});

test('a filter tests at most 2,000 rows a frame, each row once', async () => {
  const { stream, decoded } = printStream(0);
  using opened = openView([stream]);
  for (let i = 0; i < 10_000; i++) {
    const { u8, dv } = record(i, 1, 2, `proc${i}`);
    opened.view.record(stream, { u8, dv }, 0, u8.length, i);
  }
  opened.view.drained();
  await opened.output.until((l) => l.join().includes('proc9999'));
  const before = decoded.text;
  opened.input.type('/proc7');
  const first = await opened.output.until((l) => l.at(-2)!.includes('"proc7"'));
  assert.match(first.at(-2)!, /"proc7" \d+… of 10,000/);
  assert.ok(decoded.text - before <= 2000 * FIELDS + ROWS * FIELDS);
  await opened.output.until((l) => l.at(-2)!.includes('"proc7" 1,111 of 10,000'));
  // A hundred frames are more than a busy machine makes of it; each also shows a screenful.
  const once = 10_000 * FIELDS + 100 * ROWS * FIELDS;
  assert.ok(decoded.text - before <= once, `${decoded.text - before} decodes, ${once} expected at most`);
});

test('sorting reads the sort column of each record once', async () => {
  const { stream, decoded } = printStream(0);
  using opened = openView([stream]);
  const send = (from: number, count: number): void => {
    for (let i = from; i < from + count; i++) {
      const { u8, dv } = record(i, 1, 2, 'x');
      opened.view.record(stream, { u8, dv }, 0, u8.length, i);
    }
    opened.view.drained();
  };
  send(1, 5000);
  opened.input.type('ss');
  await opened.output.until((l) => l[2]!.includes('pid▼') && l[3]!.includes(' 5000 '));
  assert.equal(decoded.read, 5000);
  for (let n = 1; n <= 5; n++) {
    send(5000 + n, 1);
    await opened.output.until((l) => l[3]!.includes(` ${5000 + n} `));
  }
  assert.equal(decoded.read, 5005);
});

test('of 10,000 series only the rows on screen are turned into text', async () => {
  const counter = seriesStream(0, 'counter_calls', 'counter');
  let texts = 0;
  using opened = openView([counter], [80, 24], {}, (run) => {
    for (let i = 0; i < 10_000; i++) {
      const series = new FakeSeries(i, counter, `proc${i}`, i);
      const text = series.text.bind(series);
      series.text = (column) => {
        texts++;
        return text(column);
      };
      run.all.push(series);
    }
  });
  opened.view.tick();
  await opened.output.until((l) => l[3]!.includes('proc9999'));
  assert.ok(texts <= opened.output.writes.length * ROWS * 2, String(texts));
});
