import { deepStrictEqual, match, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Budget, SPAN_GAP_NS } from '../src/budget.ts';
import type { Delta } from '../src/kernel/counts.ts';
import { sendOwnRequest } from '../src/selfcheck/own-request.ts';
import { SelfChecker, type SelfCheckParts } from '../src/selfcheck/self-check.ts';
import { type Labels, Series } from '../src/series/series.ts';

/** A kernel that counts what it is told to, each time it is looked at after the first. */
function checkerOf(
  counted: Partial<Labels> & { times?: number; bytes?: [number, number]; sides?: string[] },
) {
  const said: string[] = [];
  const own: Series[] = [];
  let looks = 0;
  const parts: SelfCheckParts = {
    async collect() {
      if (++looks !== 2) return;
      const { times = 1, bytes = [13, 22], sides = ['server', 'client'], ...labels } = counted;
      for (const role of sides as Labels['role'][]) {
        const series = new Series(
          {
            service: undefined,
            method: 'PUT',
            route: '/skep/self-check',
            status: 201,
            error: '',
            port: 0,
            peer: { key: '' },
            overflow: false,
            ...labels,
            role,
          },
          0,
        );
        const delta: Delta = {
          slots: [30, times],
          requests: times,
          sum: 1,
          requestBytes: bytes[0],
          responseBytes: bytes[1],
        };
        series.add(delta, 0);
        own.push(series);
      }
    },
    own,
    spanEveryMs: 0,
    heldSpans: () => 0,
    ended: () => false,
    patienceMs: 100,
    onChange: (text) => said.push(text),
  };
  return { checker: new SelfChecker(parts), said, parts };
}

test('passes when exactly the request was counted, once at each end', async () => {
  const { checker, said } = checkerOf({});
  const { state, reason, passed } = await checker.check();
  deepStrictEqual([state, reason, passed, said], ['passed', undefined, 1, []]);
});

for (const [what, counted, reason] of [
  ['nothing was counted', { sides: [] }, /one request was sent, and 0 counted at its server's end/],
  ['one end is missing', { sides: ['server'] }, /and 0 counted at its client's end/],
  ['it was counted twice', { times: 2 }, /and 2 counted at its server's end/],
  ['the status is wrong', { status: 200 }, /counted at its server's end as PUT \/skep\/self-check 200/],
  ['the path is wrong', { route: '/skep' }, /as PUT \/skep 201/],
  ['bytes are missing', { bytes: [13, 0] }, /bodies of 13 and 22 bytes were counted as 13 and 0/],
] as const) {
  test(`fails, and says so, when ${what}`, async () => {
    const { checker, said } = checkerOf(counted as never);
    const result = await checker.check();
    strictEqual(result.state, 'failed');
    match(result.reason!, reason);
    strictEqual(said.length, 1);
    match(said[0]!, /is not to be trusted/);
  });
}

test('fails when a span is missing, unless the limit has held one back', async () => {
  for (const held of [0, 1]) {
    let asked = 0;
    const { parts } = checkerOf({});
    const strict = new SelfChecker({
      ...parts,
      spanEveryMs: 1,
      heldSpans: () => (asked++ === 0 ? 0 : held),
    });
    const { state, reason } = await strict.check();
    strictEqual(state, held === 0 ? 'failed' : 'passed', reason);
    if (held === 0) match(reason!, /0 spans came of its server's end instead of one/);
  }
});

test('expects no span sooner after another than they are taken', async () => {
  const { parts } = checkerOf({});
  const checker = new SelfChecker({ ...parts, spanEveryMs: 60_000 });
  match((await checker.check()).reason!, /0 spans came/);
  const { reason } = await checker.check();
  match(reason!, /one request was sent, and 0 counted/, 'the second is looked at for what it counted alone');
});

/** Keeps this process from its events; it comes round to them seldom, as on a machine without time for it. */
function starve(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('what gets little time itself is given more of it', async () => {
  const { parts } = checkerOf({});
  let looks = 0;
  const late = new SelfChecker({
    ...parts,
    async collect() {
      starve(30);
      if (++looks === 1 || looks === 8) await parts.collect();
    },
  });
  const began = performance.now();
  const { state, reason } = await late.check();
  strictEqual(state, 'passed', reason);
  strictEqual(performance.now() - began > 200, true, 'after twice its patience');
});

test('its own request outlasts a time in which nothing could be done', async () => {
  const starving = setInterval(() => starve(60), 1);
  try {
    strictEqual((await sendOwnRequest(50)).status, 201);
  } finally {
    clearInterval(starving);
  }
});

test('over its budget the agent takes fewer spans, and more again below it', () => {
  const gaps: bigint[] = [];
  const said: string[] = [];
  const budget = new Budget(
    2,
    (ns) => gaps.push(ns),
    (text) => said.push(text),
    0,
    0,
  );
  budget.look(1000, 900);
  deepStrictEqual(gaps, [], 'not before five seconds');
  budget.look(5000, 500);
  budget.look(10_000, 1000);
  deepStrictEqual(gaps, [SPAN_GAP_NS * 2n, SPAN_GAP_NS * 4n]);
  strictEqual(budget.limiting, true);
  match(said[0]!, /used 10\.0 % of a processor, more than --cpu-budget 2 %/);
  budget.look(15_000, 1090);
  strictEqual(gaps.length, 2, 'close to the budget nothing changes');
  budget.look(20_000, 1100);
  budget.look(25_000, 1110);
  deepStrictEqual(gaps.slice(2), [SPAN_GAP_NS * 2n, SPAN_GAP_NS]);
  deepStrictEqual([budget.limiting, said.length], [false, 2]);
});

test('what the start took is no reason to take fewer spans', () => {
  const gaps: bigint[] = [];
  const budget = new Budget(
    2,
    (ns) => gaps.push(ns),
    () => undefined,
    0,
    0,
  );
  budget.begin(2000, 1500);
  budget.look(7000, 1625);
  deepStrictEqual([gaps, budget.usedPercent], [[], 2.5]);
  budget.look(12_000, 1750);
  deepStrictEqual(gaps, [SPAN_GAP_NS * 2n]);
});

test('without a budget nothing is limited', () => {
  const budget = new Budget(
    undefined,
    () => strictEqual(1, 0),
    () => strictEqual(1, 0),
    0,
    0,
  );
  budget.look(5000, 5000);
  deepStrictEqual([budget.usedPercent, budget.limiting], [100, false]);
});
