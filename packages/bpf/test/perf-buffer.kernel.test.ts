import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type BpfObject, openPerfBuffer, Poller } from '../src/index.ts';
import { asU64, openSource, u64 } from './support/kernel.ts';
import { producers } from './support/producers.ts';

let object: BpfObject;
before(async () => {
  object = openSource(producers, 'perftest');
  await object.load();
});
after(() => object.close());

const fill = (n: number) => object.program('fill_perf').testRun({ context: u64(n) });
const refused = () => {
  const map = object.maps.find((m) => m.name.endsWith('.bss'))!;
  return asU64(map.get(new Uint8Array(4))!.subarray(8));
};

test('records arrive whole, also those that wrap at the end of the buffer', () => {
  using reader = openPerfBuffer(object.map('perf'), { pages: 1 });
  const { dv, u8 } = reader.view;
  const scratch = u8.length - 65536;
  const seen: number[] = [];
  let wrapped = 0;
  for (let round = 0; round < 41; round++) {
    fill(100);
    reader.drain((offset, length) => {
      assert.equal(length, 28); // 24 bytes and the padding that perf adds
      const n = dv.getBigUint64(offset, true);
      assert.equal(dv.getBigUint64(offset + 8, true), BigInt.asUintN(64, ~n));
      if (offset >= scratch) wrapped++;
      seen.push(Number(n));
    });
  }
  // In order on each CPU; this process may have moved from one to the other.
  seen.sort((a, b) => a - b);
  assert.deepEqual(
    seen,
    Array.from({ length: 4100 }, (_, i) => seen[0]! + i),
  );
  assert.ok(wrapped > 0);
  assert.equal(reader.lost(), 0n);
});

test('sent = delivered + lost, exactly', () => {
  using reader = openPerfBuffer(object.map('perf'), { pages: 1 });
  const before = refused();
  let delivered = 0;
  for (let round = 0; round < 5; round++) {
    fill(1000);
    delivered += reader.drain(() => {});
  }
  assert.ok(reader.lost() > 0n);
  assert.equal(delivered + Number(reader.lost()), 5000);
  assert.equal(Number(reader.lost()), refused() - before);
});

test('a limit and the rest; closing frees', () => {
  const reader = openPerfBuffer(object.map('perf'));
  fill(10);
  assert.ok(reader.available > 0);
  assert.equal(
    reader.drain(() => {}, 4),
    4,
  );
  assert.equal(
    reader.drain(() => {}),
    6,
  );
  assert.equal(reader.available, 0);
  reader.close();
  reader.close();
  assert.equal(reader.view.u8.length, 0);
  assert.throws(() => reader.drain(() => {}), { code: 'SKEP_CLOSED' });
});

test('its fd becomes readable', async () => {
  using reader = openPerfBuffer(object.map('perf'));
  const woke = Promise.withResolvers<number>();
  using poller = new Poller(reader.fd, () => {
    poller.stop();
    woke.resolve(reader.drain(() => {}));
  });
  poller.start();
  fill(3);
  assert.equal(await woke.promise, 3);
});

test('a count of pages that is no power of two is refused', () => {
  assert.throws(() => openPerfBuffer(object.map('perf'), { pages: 3 }), {
    code: 'SKEP_ARGUMENT',
    message: /3 pages/,
  });
});
