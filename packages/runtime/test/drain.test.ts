import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { recordView } from '@skep/bpf';
import { Drain, type DrainedReader } from '../src/sources/drain.ts';

/** A ring without a kernel: what is put in is drained in order. */
class FakeRing implements DrainedReader {
  readonly view = recordView(new Uint8Array(8));
  readonly capacity: number;
  available = 0;
  armed = false;
  arms = 0;
  onReadable = (): void => {};
  #full: (() => void) | undefined;
  #asleep: (() => void) | undefined;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  drain(onRecord: (offset: number, length: number) => void, limit = Number.POSITIVE_INFINITY): number {
    let n = 0;
    for (; n < limit && this.available > 0; n++) {
      this.available -= 8;
      onRecord(0, 8);
    }
    if (n > 0) this.#full?.();
    return n;
  }

  start(): void {
    this.armed = true;
    this.arms++;
    this.#asleep?.();
  }

  stop(): void {
    this.armed = false;
  }

  asleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#asleep = resolve;
    });
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#full = resolve;
    });
  }
}

/** Those that a look waits for, and one more. */
async function turns(): Promise<void> {
  for (let i = 0; i < 3; i++) await turn();
}

function drainOf(ring: FakeRing, room?: () => number, delayMs?: number) {
  const seen = { records: 0, batches: [] as number[], errors: [] as unknown[] };
  const drain = new Drain({
    reader: ring,
    wakeUp: (onReadable) => {
      ring.onReadable = onReadable;
      return ring;
    },
    onRecord: () => {
      seen.records++;
    },
    onBatch: () => {},
    room,
    delayMs,
    onDrained: (n) => seen.batches.push(n),
    onError: (error) => seen.errors.push(error),
  });
  return { drain, seen };
}

test('the first event is taken at once, the next ones by a timer while nobody waits on the ring', async () => {
  const ring = new FakeRing(1 << 20);
  const { drain, seen } = drainOf(ring);
  drain.start();
  assert.equal(ring.armed, true);
  ring.available = 8;
  ring.onReadable();
  assert.equal(seen.records, 1);
  assert.equal(ring.armed, false);
  ring.available = 80;
  await ring.drained();
  assert.equal(seen.records, 11);
  assert.equal(ring.arms, 1);
  drain.stop();
});

test('a single event costs a wake-up and few looks', async () => {
  const ring = new FakeRing(256 * 1024);
  const { drain, seen } = drainOf(ring);
  drain.start();
  ring.available = 8;
  ring.onReadable();
  const woken = performance.now();
  await ring.asleep();
  // Four looks, 4 ms apart; a busy machine makes each later, but there are no more.
  assert.ok(performance.now() - woken >= 16);
  assert.deepEqual([ring.arms, seen.batches], [2, [1]]);
  drain.stop();
});

test('events that nobody tells of are found by peeking, and from then on by the timer', async () => {
  const ring = new FakeRing(256 * 1024);
  const { drain, seen } = drainOf(ring);
  drain.start();
  await turns();
  ring.available = 8;
  await turns();
  assert.equal(seen.records, 0);
  drain.peek();
  await turns();
  assert.equal(seen.records, 1);
  // Longer than it would take to fall asleep.
  await delay(100);
  assert.deepEqual([ring.arms, ring.armed], [1, false]);
  ring.available = 8;
  await ring.drained();
  assert.equal(seen.records, 2);
  drain.stop();
});

test('a wake-up that is on its way counts as told', async () => {
  const ring = new FakeRing(256 * 1024);
  const { drain, seen } = drainOf(ring);
  drain.start();
  await turns();
  ring.available = 8;
  drain.peek();
  ring.onReadable();
  await ring.asleep();
  assert.deepEqual([seen.records, ring.armed], [1, true]);
  drain.stop();
});

test('records that take long are taken fewer at a time, so that others have their turns', async () => {
  const ring = new FakeRing(1 << 20);
  const seen: number[] = [];
  const drain = new Drain({
    reader: ring,
    wakeUp: (onReadable) => {
      ring.onReadable = onReadable;
      return ring;
    },
    onRecord: () => {
      const until = performance.now() + 0.5;
      while (performance.now() < until);
    },
    onBatch: () => {},
    onDrained: (n) => seen.push(n),
    onError: (error) => assert.fail(String(error)),
  });
  drain.start();
  ring.available = 8 * 100;
  ring.onReadable();
  for (let looks = 0; looks < 2; looks++) {
    ring.available = 8 * 100;
    await ring.drained();
  }
  drain.stop();
  // Once may have been the machine's doing; the third time there are as many as take 20 ms, and 64 at least.
  assert.deepEqual(seen, [100, 100, 64]);
});

test('what is asked for is taken before its turn, asleep or not', () => {
  const ring = new FakeRing(1 << 20);
  const { drain, seen } = drainOf(ring, () => 0, 60_000);
  drain.start();
  ring.available = 24;
  drain.readNow();
  assert.deepEqual([seen.records, seen.batches, ring.armed], [3, [3], true]);
  drain.readNow();
  assert.deepEqual(seen.batches, [3]);
  drain.stop();
});

test('records wait as long as they may', async () => {
  const ring = new FakeRing(1 << 20);
  const { drain, seen } = drainOf(ring, undefined, 60);
  drain.start();
  ring.available = 8;
  ring.onReadable();
  const woken = performance.now();
  ring.available = 16;
  await ring.drained();
  assert.ok(performance.now() - woken >= 59);
  assert.equal(seen.records, 3);
  drain.stop();
});

test('a ring that fills is looked at sooner than it may wait', async () => {
  const ring = new FakeRing(1 << 16);
  const { drain, seen } = drainOf(ring, undefined, 60_000);
  drain.start();
  ring.available = 1 << 13;
  ring.onReadable();
  assert.equal(seen.records, 1 << 10);
  ring.available = 1 << 15;
  await ring.drained();
  assert.equal(seen.records, (1 << 10) + (1 << 12));
  drain.stop();
});

test('an event whose wake-up was lost between two sleeps is taken all the same', async () => {
  const ring = new FakeRing(1 << 20);
  const { drain, seen } = drainOf(ring);
  drain.start();
  ring.available = 8;
  await ring.drained();
  assert.equal(seen.records, 1);
  drain.stop();
});

test('a burst is taken in turns, and all of it at the end', async () => {
  const ring = new FakeRing(1 << 20);
  const { drain, seen } = drainOf(ring);
  drain.start();
  ring.available = 45_000 * 8;
  ring.onReadable();
  assert.deepEqual(seen.batches, [20_000]);
  await ring.drained();
  assert.deepEqual(seen.batches, [20_000, 20_000]);
  drain.stop();
  await drain.finish();
  assert.deepEqual(seen.batches, [20_000, 20_000, 5_000]);
});

test('records wait in the ring while there is no room for them, until it is three quarters full', async () => {
  const ring = new FakeRing(1 << 20);
  let room = 3;
  const { drain, seen } = drainOf(ring, () => room);
  drain.start();
  ring.available = 10 * 8;
  ring.onReadable();
  assert.deepEqual(seen.batches, [3]);
  room = 0;
  drain.stop();
  drain.start();
  ring.onReadable();
  assert.deepEqual(seen.batches, [3]);
  const taken = ring.drained();
  room = 100;
  await taken;
  assert.deepEqual(seen.batches, [3, 7]);
  room = 0;
  drain.stop();
  drain.start();
  ring.available = ring.capacity * 0.8;
  ring.onReadable();
  assert.deepEqual(seen.batches, [3, 7, 20_000]);
  drain.stop();
});

test('the end waits for room, but not for ever', async () => {
  const ring = new FakeRing(1 << 20);
  let room = 0;
  const { drain, seen } = drainOf(ring, () => room);
  ring.available = 80;
  const finished = drain.finish(10_000);
  assert.equal(seen.records, 0);
  room = 4;
  await finished;
  assert.deepEqual(seen.batches, [4, 4, 2]);
  ring.available = 80;
  room = 0;
  await drain.finish(5);
  assert.equal(seen.records, 20);
});

test('a ring that had no room left is noticed', () => {
  const ring = new FakeRing(4096);
  const { drain } = drainOf(ring);
  drain.start();
  ring.available = 8;
  ring.onReadable();
  drain.stop();
  assert.equal(drain.foundFull, 0);
  drain.start();
  ring.available = 4096;
  ring.onReadable();
  drain.stop();
  assert.equal(drain.foundFull, 1);
});

test('so is one that had none left at the first look, and at the last', async () => {
  const ring = new FakeRing(4096);
  const { drain } = drainOf(ring);
  drain.start();
  ring.available = 4096;
  ring.onReadable();
  drain.stop();
  assert.equal(drain.foundFull, 1);
  ring.available = 4096;
  await drain.finish();
  assert.equal(drain.foundFull, 2);
  drain.stop();
});
