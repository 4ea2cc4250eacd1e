// Whoever reads --print may stop reading, or go away.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Output } from '@skep/runtime';
import { Lines } from '../src/agent/lines.ts';

/** A reader that takes what it is given when it is told to. */
class Reader implements Output {
  text = '';
  closed = false;
  gone: (error: Error) => void = () => {};
  reads = false;
  #done: (() => void)[] = [];

  write(chunk: Uint8Array, done: (error?: Error | null) => void): void {
    const text = Buffer.from(chunk).toString();
    this.#done.push(() => {
      this.text += text;
      done();
    });
    if (this.reads) this.read();
  }

  read(): void {
    for (const done of this.#done.splice(0)) done();
  }

  onClose(callback: (error: Error) => void): void {
    this.gone = callback;
  }

  close(): void {
    this.closed = true;
  }
}

test('each line is there at once', async () => {
  const reader = new Reader();
  reader.reads = true;
  const lines = new Lines(() => {}, reader);
  lines.add('one');
  assert.equal(reader.text, 'one\n');
  lines.add('two');
  await lines.finish();
  assert.deepEqual([reader.text, lines.lost, reader.closed], ['one\ntwo\n', 0, true]);
});

test('a reader that has stopped costs lines, all of them counted, and the end does not wait for it', async () => {
  const reader = new Reader();
  const lines = new Lines(() => {}, reader);
  const line = 'x'.repeat(999);
  for (let i = 0; i < 1000; i++) lines.add(line);
  const waiting = 1000 - lines.lost;
  assert.ok(waiting >= 64 && waiting <= 4 * 66, `${waiting} kB wait`);
  await lines.finish();
  assert.deepEqual([lines.lost, reader.closed], [1000, true]);
});

test('a reader that comes back misses what there was no room for', async () => {
  const reader = new Reader();
  const lines = new Lines(() => {}, reader);
  for (let i = 0; i < 1000; i++) lines.add('x'.repeat(999));
  reader.reads = true;
  reader.read();
  lines.add('again');
  await lines.finish();
  assert.equal(reader.text.split('\n').length - 1, 1001 - lines.lost);
  assert.match(reader.text, /\nagain\n$/);
});

test('a reader that has gone away is told of', () => {
  const reader = new Reader();
  let gone = 0;
  new Lines(() => gone++, reader);
  reader.gone(new Error('EPIPE'));
  assert.equal(gone, 1);
});
