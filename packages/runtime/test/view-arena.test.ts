import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RecordArena } from '../src/view/arena.ts';

const bytesOf = (arena: RecordArena, seq: number): Uint8Array =>
  arena.view.u8.slice(arena.offset(seq), arena.offset(seq) + arena.length(seq));

test('what is kept is always the newest records, byte for byte', () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 90 }), { minLength: 1, maxLength: 120 });
  fc.assert(
    fc.property(
      lengths,
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 200, max: 400 }),
      (all, max, room) => {
        const arena = new RecordArena(max, room);
        const source = new Uint8Array(1024).map((_, i) => i * 7);
        all.forEach((length, i) => {
          const offset = (i * 13) % 900;
          arena.push(source, offset, length, i);
          assert.equal(arena.next, i + 1);
          assert.ok(arena.count >= 1 && arena.count <= max);
          for (let seq = arena.first; seq < arena.next; seq++) {
            const from = (seq * 13) % 900;
            assert.deepEqual(bytesOf(arena, seq), source.slice(from, from + all[seq]!));
            assert.equal(arena.time(seq), seq);
          }
        });
      },
    ),
    { numRuns: 60 },
  );
});

test('as many records fit as there is room for', () => {
  const arena = new RecordArena(10_000, 10_000 * 48);
  const source = new Uint8Array(48);
  for (let i = 0; i < 25_000; i++) arena.push(source, 0, 48, i);
  assert.equal(arena.count, 10_000);
  assert.equal(arena.first, 15_000);
});

test('a record longer than half the arena is cut, not refused', () => {
  const arena = new RecordArena(10, 128);
  arena.push(new Uint8Array(1000).fill(9), 0, 1000, 0);
  assert.equal(arena.length(0), 64);
});

test('a snapshot stays as it was', () => {
  const arena = new RecordArena(4, 256);
  for (let i = 0; i < 4; i++) arena.push(Uint8Array.of(i, i, i, i), 0, 4, i);
  const still = arena.snapshot();
  for (let i = 4; i < 9; i++) arena.push(Uint8Array.of(i, i, i, i), 0, 4, i);
  assert.deepEqual([still.first, still.next], [0, 4]);
  assert.deepEqual(bytesOf(still, 2), Uint8Array.of(2, 2, 2, 2));
  assert.deepEqual(bytesOf(arena, 8), Uint8Array.of(8, 8, 8, 8));
});

test('after clear nothing is kept and numbers go on', () => {
  const arena = new RecordArena(4, 256);
  for (let i = 0; i < 3; i++) arena.push(Uint8Array.of(i), 0, 1, i);
  arena.clear();
  assert.deepEqual([arena.count, arena.next], [0, 3]);
  arena.push(Uint8Array.of(7), 0, 1, 7);
  assert.deepEqual(bytesOf(arena, 3), Uint8Array.of(7));
});
