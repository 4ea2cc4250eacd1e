import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineBuffer } from '../src/sinks/line-buffer.ts';
import type { Output } from '../src/sinks/output.ts';
import { Rfc3339 } from '../src/sinks/rfc3339.ts';

/** An output that takes chunks only when told to. */
class Held implements Output {
  text = '';
  readonly waiting: (() => void)[] = [];
  write(chunk: Uint8Array, done: (error?: Error | null) => void): void {
    const text = Buffer.from(chunk).toString();
    this.waiting.push(() => {
      this.text += text;
      done();
    });
  }
  take(): void {
    for (const go of this.waiting.splice(0)) go();
  }
  onClose(): void {}
  close(): void {}
}

test('a reader that does not read costs a bounded queue and counted lines', async () => {
  const output = new Held();
  const lost = [0, 0];
  const lines = new LineBuffer({
    output,
    chunkBytes: 1000,
    chunks: 3,
    onLost: (tag, n) => {
      lost[tag]! += n;
    },
  });
  for (let i = 0; i < 1000; i++) lines.append(`${String(i).padStart(9, '0')}\n`, i % 2);
  assert.ok(lost[0]! > 300 && lost[1]! > 300);
  output.take();
  lines.append('last\n', 0);
  const end = lines.finish(1000);
  output.take();
  await end;
  const delivered = output.text.trimEnd().split('\n');
  assert.equal(delivered.length + lost[0]! + lost[1]!, 1001);
  assert.equal(delivered.at(-1), 'last');
  assert.equal(delivered[0], '000000000');
});

test('what a stalled reader never took is lost, not forgotten', async () => {
  const output = new Held();
  let lost = 0;
  const lines = new LineBuffer({
    output,
    onLost: (_, n) => {
      lost += n;
    },
  });
  for (let i = 0; i < 7; i++) lines.append('x\n', 0);
  await lines.finish(5);
  assert.equal(lost, 7);
  output.take();
  assert.equal(lost, 7, 'a late answer changes nothing');
});

test('a line larger than a chunk gets one of its own', async () => {
  const output = new Held();
  const lines = new LineBuffer({
    output,
    chunkBytes: 16,
    chunks: 4,
    onLost: () => assert.fail('nothing is lost'),
  });
  lines.append('short\n', 0);
  lines.append(`${'ü'.repeat(100)}\n`, 0);
  const end = lines.finish(1000);
  output.take();
  await end;
  assert.equal(output.text, `short\n${'ü'.repeat(100)}\n`);
});

test('times have milliseconds, or microseconds where they are known', () => {
  const time = new Rfc3339();
  const at = Date.UTC(2026, 10, 22, 14, 29, 57, 3);
  assert.equal(time.format(at), '2026-11-22T14:29:57.003Z');
  assert.equal(time.format(at + 0.25), '2026-11-22T14:29:57.003250Z');
  assert.equal(time.format(at + 0.147), '2026-11-22T14:29:57.003147Z');
  assert.equal(time.format(at + 1), '2026-11-22T14:29:57.004Z');
});
