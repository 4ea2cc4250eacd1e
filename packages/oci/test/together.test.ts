import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Asking, Together } from '../src/store/together.ts';

type Turn = Asking<number, string>[];

function answering(turns: number[][] = []) {
  return new Together<number, string>(async (take) => {
    await Promise.resolve();
    const turn: Turn = take();
    turns.push(turn.map(({ what }) => what));
    await Promise.resolve();
    for (const { what, resolve, reject } of turn) {
      if (what < 0) reject(new Error('refused'));
      else resolve(`done ${what}`);
    }
  });
}

test('who asks right after having been answered is answered too', { timeout: 5000 }, async () => {
  const together = answering();
  for (let n = 0; n < 50; n++) assert.equal(await together.ask(n), `done ${n}`);
  // As many steps later as an answer may take to go through functions of the caller's.
  for (let steps = 0; steps < 8; steps++) {
    await together.ask(1);
    for (let i = 0; i < steps; i++) await undefined;
    assert.equal(await together.ask(2), 'done 2');
  }
});

test('those who come while others are being served are served in one go', async () => {
  const turns: number[][] = [];
  const together = answering(turns);
  const first = together.ask(0);
  await Promise.resolve();
  await Promise.resolve();
  const others = [1, 2, -3, 4].map((n) => together.ask(n));
  assert.equal(await first, 'done 0');
  const said = await Promise.allSettled(others);
  assert.deepEqual(
    said.map((s) => (s.status === 'fulfilled' ? s.value : s.reason.message)),
    ['done 1', 'done 2', 'refused', 'done 4'],
  );
  assert.deepEqual(turns, [[0], [1, 2, -3, 4]]);
});

test('work that fails is told to those whose turn it is, before a turn to all, and goes on for the next', async () => {
  let fail: 'before' | 'after' | undefined = 'before';
  const together = new Together<number, string>(async (take) => {
    if (fail === 'before') throw new Error('no lock');
    const turn = take();
    if (fail === 'after') throw new Error('no space');
    for (const { what, resolve } of turn) resolve(`done ${what}`);
  });
  await assert.rejects(together.ask(1), /no lock/);
  fail = 'after';
  await assert.rejects(together.ask(2), /no space/);
  fail = undefined;
  assert.equal(await together.ask(3), 'done 3');
});
