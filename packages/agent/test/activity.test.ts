// Rates are per second of what has passed, however late the agent comes to count.
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Activity } from '../src/activity.ts';
import type { Delta } from '../src/kernel/counts.ts';
import { NOBODY } from '../src/peers/peers.ts';
import type { Series } from '../src/series/series.ts';
import { Service } from '../src/services/service.ts';

const service = new Service(1, 'shop', undefined, 0);
const series = {
  labels: {
    ...{ service, role: 'server', method: 'GET', route: '/', status: 200, error: '', port: 80 },
    ...{ peer: NOBODY, overflow: false },
  },
} as unknown as Series;
const delta = (requests: number): Delta => ({
  ...{ slots: [], requests, sum: 0, requestBytes: 0, responseBytes: 0 },
});

/** An agent that ticks at these times, and counts 100 requests a second. */
function ticking(...seconds: number[]): Activity {
  const activity = new Activity();
  activity.begin(0);
  let last = 0;
  for (const at of seconds) {
    activity.tick();
    activity.add(series, delta(Math.round((at - last) * 100)));
    activity.counted(at * 1000);
    last = at;
  }
  return activity;
}

const rate = (activity: Activity) => activity.side(service, 'server').rate;

test('a rate is that of the window, whether that is full or not', () => {
  strictEqual(rate(ticking(1, 2, 3)), 100);
  strictEqual(rate(ticking(...Array.from({ length: 30 }, (_, i) => i + 1))), 100);
});

test('what is asked between two ticks counts to when it is asked', () => {
  const activity = ticking(...Array.from({ length: 30 }, (_, i) => i + 1));
  activity.add(series, delta(50));
  activity.counted(30_500);
  strictEqual(rate(activity), 100);
});

test('an agent that was stopped for a while shows no burst that there was not', () => {
  strictEqual(rate(ticking(1, 2, 3, 18)), 100);
  strictEqual(rate(ticking(1, 2, 3, 18, 19, 20)), 100);
  strictEqual(rate(ticking(1, 2, 3, 18, ...Array.from({ length: 20 }, (_, i) => 19 + i))), 100);
});

test('the first moments make no rate of their own', () => {
  const activity = new Activity();
  activity.begin(0);
  activity.add(series, delta(3));
  activity.counted(100);
  strictEqual(rate(activity), 3);
});

test('quantiles are those of the window alone, however many series and seconds added to it', () => {
  const activity = new Activity();
  activity.begin(0);
  const slow = delta(1);
  slow.slots.push(200, 1);
  const quick = delta(3);
  quick.slots.push(100, 2, 101, 1);
  activity.add(series, slow);
  activity.add(series, quick);
  activity.add(series, quick);
  const before = activity.side(service, 'server');
  for (let second = 1; second <= 9; second++) activity.tick();
  strictEqual(activity.side(service, 'server').p99, before.p99);
  strictEqual(activity.side(service, 'server').p50, before.p50);
  activity.add(series, quick);
  activity.tick();
  const after = activity.side(service, 'server');
  ok(after.p99 < before.p99 / 10, `${after.p99}, before ${before.p99}`);
  strictEqual(after.requests, 10);
});

test('who called long ago is forgotten, and makes room for who calls now', () => {
  const activity = new Activity();
  activity.begin(0);
  const by = (name: string, requests: number) => {
    const peer = { service: new Service(2, name, undefined, 0), key: name };
    activity.add({ labels: { ...series.labels, peer } } as unknown as Series, delta(requests));
  };
  for (let i = 0; i < 40; i++) by(`old-${i}`, 1);
  strictEqual(activity.callers(service).length, 32);
  for (let second = 0; second < 20; second++) {
    activity.tick();
    by('often', 3);
  }
  ok(!activity.callers(service).includes('often'), 'there was no room');
  for (let second = 0; second < 30; second++) {
    activity.tick();
    by('often', 3);
    by('seldom', 1);
  }
  deepStrictEqual(activity.callers(service), ['often', 'seldom']);
});
