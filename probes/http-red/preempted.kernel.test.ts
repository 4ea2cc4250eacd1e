/**
 * Processes that take turns on a processor in the middle of their calls: since Linux 7.0 a program at a tracepoint may be
 * preempted, and the kernel skips it for the others meanwhile. An emulated machine is so slow that this happens in seconds.
 */
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { nativeFixture } from '../../test/support/fixtures.ts';
import { runIn, testCgroup } from '../support/cgroup.ts';
import { rungsOf } from '../support/judged.ts';
import { skip } from '../support/skip.ts';
import { watch } from '../support/watch.ts';

const program = await nativeFixture(new URL('../../test/support/pairs.native.c', import.meta.url));
const RUNG = 'events_twice';
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
  let missed: unknown;
  let madeUp: number[] = [];
  const watched = await watch(
    'http-red',
    { target_cgroup: cgroup.path },
    async () => {
      for (const family of ['tcp', 'unix'])
        strictEqual((await runIn(cgroup, program, `${PAIRS}`, `${REQUESTS}`, family)).trim(), `${SENT}`);
    },
    { traffic: RUNG },
    (run) => {
      ({ missed } = run.stats());
      const { map, value } = run.map('.bss');
      const globals = map.get(new Uint8Array(4))!;
      const at = new DataView(globals.buffer, globals.byteOffset);
      madeUp = ['l7_sent_made_up', 'l7_received_made_up'].map((name) =>
        Number(at.getBigUint64(value.get(name)!.offset, true)),
      );
    },
  );
  t.diagnostic(`made up for ${madeUp.join(' and ')}`);
  const counted: Record<string, number> = {};
  for (const { labels, value } of watched.series('hist_http_requests')) {
    const name = `${labels.role} ${labels.status} ${labels.error}`;
    counted[name] = (counted[name] ?? 0) + value;
  }
  deepStrictEqual(missed, []);
  deepStrictEqual(counted, {
    'HTTP_CLIENT 200 HTTP_NO_ERROR': 2 * SENT,
    'HTTP_SERVER 200 HTTP_NO_ERROR': 2 * SENT,
  });
});
