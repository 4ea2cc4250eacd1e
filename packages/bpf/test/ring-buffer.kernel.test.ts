import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type BpfObject, openPerfBuffer, openRingBuffer, Poller } from '../src/index.ts';
import { asU64, openSource, u64 } from './support/kernel.ts';
import { producers } from './support/producers.ts';

let object: BpfObject;
before(async () => {
  object = openSource(producers, 'ringtest');
  await object.load();
});
after(() => object.close());

const fill = (n: number) => object.program('fill_ring').testRun({ context: u64(n) });
const bss = () => {
  const map = object.maps.find((m) => m.name.endsWith('.bss'))!;
  return map.get(new Uint8Array(4))!;
};
const refused = () => asU64(bss().subarray(8));

test('every submitted record arrives once, in order, over many rounds of the buffer; discarded ones do not', () => {
  using reader = openRingBuffer(object.map('ring'));
  const { dv } = reader.view;
  const first = asU64(bss());
  let next = first;
  let total = 0;
  for (let round = 0; round < 200; round++) {
    fill(1000);
    total += reader.drain((offset, length) => {
      assert.equal(length, 16);
      const n = Number(dv.getBigUint64(offset + 8, true));
      if ((next - first) % 5 === 4) next++; // the discarded one before it
      assert.equal(n, next++);
    });
  }
  assert.equal(total, 200 * 800);
  assert.equal(refused(), 0);
  assert.equal(reader.available, 0);
});

test('a full buffer refuses in the program, and what it took is delivered', () => {
  using reader = openRingBuffer(object.map('ring'));
  const before = { sent: asU64(bss()), refused: refused() };
  fill(10_000);
  const sent = asU64(bss()) - before.sent;
  assert.equal(sent + refused() - before.refused, 10_000);
  assert.ok(sent < 10_000 && reader.available > reader.capacity - 24 * 2);
  let seen = 0;
  reader.drain(() => seen++);
  // Records are numbered within a fill, so every fifth of those that were taken is discarded.
  assert.equal(seen, sent - Math.floor(sent / 5));
});

test('a limit leaves the rest for the next drain', () => {
  using reader = openRingBuffer(object.map('ring'));
  fill(100);
  assert.equal(
    reader.drain(() => {}, 7),
    7,
  );
  assert.equal(
    reader.drain(() => {}),
    73,
  );
});

test('an exception in the callback gives room back and does not repeat the record', () => {
  using reader = openRingBuffer(object.map('ring'));
  fill(10);
  assert.throws(() => reader.drain(() => assert.fail('mine')), /mine/);
  assert.equal(
    reader.drain(() => {}),
    7,
  );
});

test('a closed reader has no memory and says so; closing in the callback waits for the drain', () => {
  const reader = openRingBuffer(object.map('ring'));
  fill(10);
  let seen = 0;
  reader.drain(() => {
    reader.close();
    assert.throws(() => reader.drain(() => {}), { code: 'SKEP_CLOSED' });
    seen++;
  });
  assert.equal(seen, 8);
  assert.equal(reader.view.u8.length, 0);
  reader.close();
  assert.throws(() => reader.drain(() => {}), { code: 'SKEP_CLOSED' });
  assert.throws(() => reader.available, { code: 'SKEP_CLOSED' });
});

test('drain refuses to be called from its own callback', () => {
  using reader = openRingBuffer(object.map('ring'));
  fill(1);
  reader.drain(() => assert.throws(() => reader.drain(() => {}), { code: 'SKEP_STATE' }));
});

test('a poller wakes for a record, keeps the process alive only while started, and stays closed', async () => {
  using reader = openRingBuffer(object.map('ring'));
  const woke = Promise.withResolvers<number>();
  const poller = new Poller(reader.fd, () => {
    woke.resolve(reader.drain(() => {}));
    poller.stop();
  });
  poller.start();
  fill(4);
  assert.equal(await woke.promise, 4);
  poller.close();
  poller.close();
  assert.throws(() => poller.start(), { code: 'SKEP_CLOSED' });
});

test('the wrong kind of map is refused by name', () => {
  assert.throws(() => openRingBuffer(object.map('perf')), {
    code: 'SKEP_ARGUMENT',
    message: /"perf".*perf_event_array/,
  });
  assert.throws(() => openPerfBuffer(object.map('ring')), {
    code: 'SKEP_ARGUMENT',
    message: /"ring".*ringbuf/,
  });
});
