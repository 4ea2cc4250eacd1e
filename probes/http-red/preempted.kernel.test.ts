/**
 * Processes that take turns on a processor in the middle of their calls: since Linux 7.0 a program at a tracepoint may be
 * preempted, and the kernel skips it for the others meanwhile. An emulated machine is so slow that this happens in seconds.
 */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { nativeFixture } from '../../test/support/fixtures.ts';
import { runIn, testCgroup } from '../support/cgroup.ts';
import { rungsOf } from '../support/judged.ts';
import { skip } from '../support/skip.ts';
import { watch } from '../support/watch.ts';

const program = await nativeFixture(new URL('../../test/support/pairs.native.c', import.meta.url));
const RUNG = 'events_preempted';
const rungs = await rungsOf('http-red', 'traffic');
// An older kernel preempts nothing there; that nothing is counted twice is seen on it as well, and enough once.
const older =
  !rungs.includes(RUNG) && process.env.SKEP_GUEST !== undefined && 'it is for Linux 7.0 and later';
const lacks = !rungs.includes('events') && 'this kernel has no events of sockets';

const PAIRS = 4;
const REQUESTS = process.env.SKEP_GUEST ? 200 : 2000;
const SENT = PAIRS * REQUESTS;

test('what a program is skipped for a second one counts, and never what the first has counted', {
  skip: skip || older || lacks,
}, async (t) => {
  using cgroup = testCgroup();
  let missed = 0;
  let between = 0;
  const by: string[] = [];
  let madeUp = 0;
  const watched = await watch(
    'http-red',
    { target_cgroup: cgroup.path },
    async () => {
      for (const family of ['tcp', 'unix'])
        strictEqual((await runIn(cgroup, program, `${PAIRS}`, `${REQUESTS}`, family)).trim(), `${SENT}`);
    },
    { traffic: RUNG },
    (run) => {
      for (const { program, count } of run.stats().missed) {
        missed += count;
        if (count > 0) by.push(`${program} ${count}`);
        // Those of connections' states have nobody behind them.
        if (/^l7_(sent|received)_/.test(program)) between += count;
      }
      const { map, value } = run.map('.bss');
      const globals = map.get(new Uint8Array(4))!;
      const at = new DataView(globals.buffer, globals.byteOffset);
      for (const name of ['l7_sent_made_up', 'l7_received_made_up'])
        madeUp += Number(at.getBigUint64(value.get(name)!.offset, true));
    },
  );
  t.diagnostic(`${madeUp} runs were made up for, ${missed} were missed: ${by.join(', ') || 'none'}`);
  const counted: Record<string, number> = {};
  for (const { labels, value } of watched.series('hist_http_requests')) {
    const name = `${labels.role} ${labels.status}`;
    counted[name] = (counted[name] ?? 0) + value;
  }
  const { 'HTTP_CLIENT 200': client = 0, 'HTTP_SERVER 200': server = 0 } = counted;
  ok(client <= 2 * SENT && server <= 2 * SENT, `counted twice: ${JSON.stringify(counted)}`);
  // Three tasks that meet within the programs of one processor are one too many: what both missed is told.
  ok(between <= madeUp, `${by.join(', ')} were missed, and ${madeUp} made up for`);
  // Behind an answer that was missed it is not known whose the next one is: both of their requests are lost.
  ok(4 * SENT - client - server <= 2 * missed, `${JSON.stringify(counted)}, and ${missed} runs were missed`);
  if (missed === 0) deepStrictEqual(counted, { 'HTTP_CLIENT 200': 2 * SENT, 'HTTP_SERVER 200': 2 * SENT });
});
