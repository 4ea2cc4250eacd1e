/** What io_uring sends and receives is seen where its own hook tells the buffer, and else counted as unseen. */
import { deepStrictEqual, fail, strictEqual } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Run } from '@skep/runtime';
import { nativeFixture } from '../../test/support/fixtures.ts';
import { runWith, testCgroup } from '../support/cgroup.ts';
import { rungsOf } from '../support/judged.ts';
import { skip } from '../support/skip.ts';
import { watch } from '../support/watch.ts';

const program = await nativeFixture(new URL('../../test/support/uring-talk.native.c', import.meta.url));

const disabled = '/proc/sys/kernel/io_uring_disabled';
const [rung] = await rungsOf('http-red', 'uring');
const without =
  skip ||
  (existsSync(disabled) && readFileSync(disabled, 'utf8').trim() === '2' && 'io_uring is disabled here') ||
  (rung === undefined && 'this kernel has no such tracepoint');

/** What was lost, by reason of enum l7_loss (probes/l7/loss.h), and bytes not looked at, by enum l7_unseen (message.h). */
function reasonsIn(run: Run): { lost: number[]; unseen: number[] } {
  const { map } = run.map('l7_reasons');
  const bytes = map.get(new Uint8Array(4))!;
  const counters = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sums = new Array<number>(16).fill(0);
  for (let cpu = 0; cpu < bytes.length; cpu += map.valueSize)
    for (let i = 0; i < 16; i++) sums[i]! += Number(counters.getBigUint64(cpu + 8 * i, true));
  return { lost: sums.slice(0, 8), unseen: sums.slice(8) };
}

const ROUNDS = 4;
/** What each end receives, and both of them. */
const REQUESTS = 68 * ROUNDS;
const RESPONSES = 43 * ROUNDS;
const ALL = REQUESTS + RESPONSES;

const ways = ['plain', 'async', 'sqpoll', 'files', 'defer', 'skip', 'wait'];
const receives = ['recv', 'recvmsg', 'read', 'readv', 'waitall', 'changed', 'cancelled'];
const sends = ['send', 'sendmsg', 'sendmsg2', 'write', 'writev', 'writev2', 'chain'];

/** Each way with each operation of either side, over both kinds of sockets. */
const seen = [
  ...ways.flatMap((how, i) =>
    receives.map((receive, j) => {
      const n = i + j;
      return `${n % 3 ? 'tcp' : 'unix'} ${sends[n % sends.length]} ${receive} ${how}`;
    }),
  ),
  'tcp send closed plain',
  'tcp send_zc recv plain',
  'tcp send_zc recvmsg async',
  ...ways.flatMap((how, i) => [
    `${i % 2 ? 'tcp' : 'unix'} sendmsg3 recv ${how}`,
    `${i % 2 ? 'unix' : 'tcp'} writev3 readv ${how}`,
    // Buffers of a group, and receives that go on: the kernel chooses where the bytes go.
    `${i % 2 ? 'tcp' : 'unix'} send select ${how}`,
    `${i % 2 ? 'unix' : 'tcp'} writev2 multishot ${how}`,
  ]),
  'tcp sendmsg_zc recv plain',
  'tcp sendmsg_zc multishot async',
  // Two receives at once: the one that is carried out is known, for the other waits, or a worker says which it is.
  'tcp send two plain',
  'tcp send two async',
];

/** Of these nobody says which buffer it is: one of the ends does not see what it moves. */
const unknown = [
  ...['tcp write_fixed recv plain', 'tcp splice recv plain'],
  ...['tcp send read_fixed plain', 'unix write read_fixed sqpoll'],
];

test('what io_uring moves is counted, whoever carries it out; buffers that are registered are unseen, by reason', {
  skip: without,
}, async (t) => {
  const lines = [...seen, ...unknown];
  using cgroup = testCgroup();
  let said: string[] = [];
  let lost: number[] = [];
  let unseen: number[] = [];
  let missed = 0;
  const watched = await watch(
    'http-red',
    { target_cgroup: cgroup.path },
    async () => {
      const input = lines.map((line) => `${line} ${ROUNDS}\n`).join('');
      said = (await runWith(cgroup, input, program)).trim().split('\n');
    },
    { uring: rung! },
    (run) => {
      ({ lost, unseen } = reasonsIn(run));
      missed = run.stats().missed.reduce((sum, { count }) => sum + count, 0);
    },
  );
  // No other byte of the program's memory has been taken for a message, though all of it looks like one.
  const paths = new Set(watched.records('print_http_paths').map((p) => p.text));
  deepStrictEqual([...paths], ['/true/path']);
  const counted = new Map<number, Record<string, number>>();
  for (const { labels, value } of watched.series('hist_http_requests')) {
    const sums = counted.get(Number(labels.service)) ?? {};
    const name = `${String(labels.role).slice(5).toLowerCase()} ${labels.status}`;
    sums[name] = (sums[name] ?? 0) + value;
    counted.set(Number(labels.service), sums);
  }
  const known = { 'server 200': ROUNDS, 'client 200': ROUNDS };
  const differ: Record<string, unknown> = {};
  for (const [i, line] of lines.entries()) {
    const [pid, ...moved] = said[i]?.split(' ') ?? [];
    const found = { moved: moved.join(' '), counted: counted.get(Number(pid) + 2 ** 31) ?? {} };
    const wanted = { moved: `${REQUESTS} ${RESPONSES}`, counted: seen.includes(line) ? known : {} };
    if (!isDeepStrictEqual(found, wanted)) differ[line] = found;
  }
  // Runs that the kernel skipped cost counts, and never make one.
  const sums = [...counted.values()].flatMap((of) => Object.entries(of));
  const made = sums.filter(([name, count]) => !(name in known) || count > ROUNDS);
  // Told with what was skipped and where, or a rare failure says nothing.
  if (made.length > 0) fail(`counted too often: ${JSON.stringify({ made, missed, lost, unseen, differ })}`);
  if (missed > 0)
    return t.skip(`the kernel skipped ${missed} runs of a program, as it does where it preempts them`);
  deepStrictEqual(differ, {});
  const sum = (of: number[]) => of.reduce((a, b) => a + b, 0);
  strictEqual(sum(unseen), ALL * unknown.length, `unseen by reason: ${unseen}`);
  // Each request once at either end: where it was unseen, or by its response, whichever of them is seen.
  strictEqual(sum(lost), 2 * ROUNDS * unknown.length, `lost by reason: ${lost}`);
});
