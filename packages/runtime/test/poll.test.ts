import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Btf, EntryWalk } from '@skep/bpf';
import fc from 'fast-check';
import type { PolledMap } from '../src/sources/poll.ts';
import { type PolledArgs, polled, pollTypes } from './support/polled.ts';

let btf: Btf;
before(async () => {
  btf = await pollTypes();
});

type Entries = [padding: number, a: number, b: number, value: bigint][];

/** A map without a kernel: what `entries` says is what a poll reads, some at a time. */
class FakeMap implements PolledMap {
  readonly type = 'hash';
  readonly maxEntries = 64;
  readonly keySize = 8;
  readonly valueSize = 8;
  readonly valueBytes = 8;
  entries: Entries = [];
  piece = 64;
  /** Called before each piece but the first; a promise is waited for. */
  between: (() => void | Promise<void>) | undefined;

  walk(): EntryWalk {
    const walk = {
      keys: new Uint8Array(0),
      values: new Uint8Array(0),
      ended: true,
      begin: (): void => {
        at = 0;
        walk.ended = false;
      },
      next: (): number | Promise<number> => {
        const waited = at > 0 ? this.between?.() : undefined;
        return waited ? waited.then(read) : read();
      },
    };
    let at = 0;
    const read = (): number => {
      const some = this.entries.slice(at, at + this.piece);
      at += some.length;
      walk.ended = at >= this.entries.length;
      walk.keys = new Uint8Array(some.length * 8);
      walk.values = new Uint8Array(some.length * 8);
      const keys = new DataView(walk.keys.buffer);
      const values = new DataView(walk.values.buffer);
      for (const [i, [padding, a, b, value]] of some.entries()) {
        keys.setUint32(i * 8, a | (padding << 8), true);
        keys.setUint32(i * 8 + 4, b, true);
        values.setBigUint64(i * 8, value, true);
      }
      return some.length;
    };
    return walk;
  }
}

const pollFake = (...[maxSeries, name, onError]: PolledArgs) => {
  const map = new FakeMap();
  const { registry, rows, shown } = polled(btf, map, maxSeries, name, onError);
  const read = async (...entries: Entries): Promise<Record<string, unknown>> => {
    map.entries = entries;
    await registry.refreshNow();
    return shown();
  };
  return { read, rows, registry, map, shown };
};

test('keys that differ in padding only are one series', async () => {
  const { read } = pollFake();
  assert.deepEqual(await read([0, 1, 2, 5n], [255, 1, 2, 7n]), { '1,2': 12 });
  assert.deepEqual(await read([0, 1, 2, 6n], [255, 1, 2, 7n]), { '1,2': 13 });
});

test('64-bit counts stay exact and a fall is a reset', async () => {
  const { read } = pollFake();
  assert.deepEqual(await read([0, 1, 2, 2n ** 63n]), { '1,2': 2n ** 63n });
  assert.deepEqual(await read([0, 1, 2, 2n ** 63n + 1n]), { '1,2': 2n ** 63n + 1n });
  assert.deepEqual(await read([0, 1, 2, 3n]), { '1,2': 2n ** 63n + 4n });
});

test('only what changed is marked as changed', async () => {
  const { read, rows, registry } = pollFake();
  await read([0, 1, 1, 1n], [0, 2, 2, 2n]);
  registry.tick++;
  await read([0, 1, 1, 1n], [0, 2, 2, 9n]);
  assert.deepEqual(
    [...rows].map((r) => r.changedAt),
    [0, 1],
  );
});

test('what left makes room before what came needs it', async () => {
  const { read } = pollFake(2);
  assert.deepEqual(await read([0, 1, 1, 1n], [0, 2, 2, 2n]), { '1,1': 1, '2,2': 2 });
  assert.deepEqual(await read([0, 3, 3, 3n], [0, 4, 4, 4n]), { '3,3': 3, '4,4': 4 });
  assert.deepEqual(await read([0, 3, 3, 3n], [0, 4, 4, 4n], [0, 5, 5, 5n]), { '3,3': 3, '4,4': 4, '': 5 });
});

test('a gauge above the cap takes its share along when it leaves', async () => {
  const { read } = pollFake(1, 'gauge_x');
  assert.deepEqual(await read([0, 1, 1, 1n], [0, 2, 2, 20n], [0, 3, 3, 300n]), { '1,1': 1, '': 320 });
  assert.deepEqual(await read([0, 1, 1, 1n], [0, 3, 3, 310n]), { '1,1': 1, '': 310 });
});

test('a printed map without room leaves rows out, counts them, and takes them in later', async () => {
  const { read, rows } = pollFake(1, 'print_x');
  assert.deepEqual(await read([0, 1, 1, 1n], [0, 2, 2, 2n]), { '1,1': 1 });
  assert.equal(rows.leftOut, 1);
  assert.deepEqual(await read([0, 2, 2, 2n]), { '2,2': 2 });
  assert.equal(rows.leftOut, 0);
});

test('rows change when all was read, not before, and whoever asks meanwhile waits for the same refresh', async () => {
  const { read, registry, map, shown } = pollFake();
  map.piece = 1;
  await read([0, 1, 1, 1n], [0, 2, 2, 2n]);
  const seen: unknown[] = [];
  const joined: Promise<void>[] = [];
  map.between = async () => {
    await new Promise(setImmediate);
    seen.push(shown());
    joined.push(registry.refresh(), registry.refreshNow());
  };
  const before = { '1,1': 1, '2,2': 2 };
  const after = { '1,1': 10, '3,3': 30 };
  assert.deepEqual(await read([0, 1, 1, 10n], [0, 3, 3, 30n]), after);
  assert.deepEqual(seen, [before]);
  await Promise.all(joined);
  assert.equal(seen.length, 1, 'no second refresh');
});

test('the last refresh begins after the one under way, and none comes after it', async () => {
  const { read, registry, map, shown } = pollFake();
  map.piece = 1;
  let stop: Promise<void> | undefined;
  map.between = async () => {
    await new Promise(setImmediate);
    stop ??= registry.finish();
  };
  // The first entry has been passed when its count grows: only a further refresh sees it.
  const late: Entries = [
    [0, 1, 1, 1n],
    [0, 2, 2, 2n],
  ];
  const under = read(...late);
  late[0] = [0, 1, 1, 9n];
  map.entries = late;
  assert.deepEqual(await under, { '1,1': 1, '2,2': 2 });
  await stop;
  assert.deepEqual(shown(), { '1,1': 9, '2,2': 2 });
  assert.deepEqual(await read([0, 1, 1, 50n]), { '1,1': 9, '2,2': 2 });
});

test('a refresh under way reads no further once the last one is asked for', async () => {
  const { read, registry, map, shown } = pollFake();
  map.piece = 1;
  let stop: Promise<void> | undefined;
  let pieces = 0;
  map.between = async () => {
    pieces++;
    await new Promise(setImmediate);
    stop ??= registry.finish();
  };
  const under = read([0, 1, 1, 1n], [0, 2, 2, 2n], [0, 3, 3, 3n], [0, 4, 4, 4n]);
  assert.deepEqual(await under, {});
  await stop;
  assert.deepEqual(shown(), { '1,1': 1, '2,2': 2, '3,3': 3, '4,4': 4 });
  assert.equal(pieces, 1 + 3);
});

test('a refresh that fails half-way changes nothing and does not disturb the next', async () => {
  const errors: unknown[] = [];
  const { read, map, shown, rows } = pollFake(2, 'counter_x', (error) => errors.push(error));
  await read([0, 1, 1, 1n], [0, 2, 2, 2n]);
  map.piece = 1;
  map.between = () => {
    throw new Error('no more');
  };
  await read([0, 3, 3, 30n], [0, 1, 1, 10n]);
  assert.equal(errors.length, 1);
  assert.deepEqual(shown(), { '1,1': 1, '2,2': 2 });
  map.between = undefined;
  assert.deepEqual(await read([0, 1, 1, 11n], [0, 4, 4, 4n]), { '1,1': 11, '4,4': 4 });
  assert.equal(rows.size, 2);
});

test('printed entries far above the cap are counted without their values, and shown once there is room', async () => {
  const { read, rows } = pollFake(1, 'print_x');
  const many: Entries = [1, 2, 3, 4, 5].map((n) => [0, n, n, BigInt(n)]);
  assert.deepEqual(await read(...many), { '1,1': 1 });
  assert.equal(rows.leftOut, 4);
  assert.deepEqual(await read(...many.slice(2)), {}, 'none of these was kept');
  assert.equal(rows.leftOut, 3);
  assert.deepEqual(await read(...many.slice(2)), { '3,3': 3 });
  assert.equal(rows.leftOut, 2);
  assert.deepEqual(await read(), {});
  assert.equal(rows.leftOut, 0);
});

test('whatever comes, goes, grows and falls, each row has what its key counted since it came', async () => {
  const keys = fc.constantFrom('1', '2', '3', '4', '5');
  const counts = fc.array(fc.dictionary(keys, fc.nat(9)), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(counts, fc.integer({ min: 1, max: 4 }), async (refreshes, piece) => {
      const { read, map } = pollFake();
      map.piece = piece;
      let expected: Record<string, number> = {};
      let last: Record<string, number> = {};
      for (const now of refreshes) {
        const before = { ...expected };
        expected = {};
        for (const [k, v] of Object.entries(now)) {
          const was = last[k] ?? 0;
          expected[`${k},7`] = (before[`${k},7`] ?? 0) + (v < was ? v : v - was);
        }
        last = now;
        const entries = Object.entries(now).map(([k, v]): Entries[number] => [0, +k, 7, BigInt(v)]);
        assert.deepEqual(await read(...entries), expected);
      }
    }),
  );
});
