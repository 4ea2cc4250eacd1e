// A service that has run for a year has been called by everybody: who calls now is told apart.
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { OTHER_PEER, type Peer } from '../src/peers/peers.ts';
import { Callers } from '../src/series/callers.ts';
import type { Labels } from '../src/series/series.ts';
import { SeriesStore } from '../src/series/store.ts';
import { Service } from '../src/services/service.ts';

test('a hundred callers are told apart at a time, and who calls no more makes room', () => {
  const shop = new Service(1, 'shop', undefined, 0);
  const till = new Service(2, 'till', undefined, 0);
  const store = new SeriesStore();
  const callers = new Callers(store);
  const call = (from: number, now: number, service = shop): Peer => {
    const address = { ip: `10.0.0.${from}`, port: 0 };
    const peer = callers.of(service, { address, key: `${address.ip}:0` }, now);
    const labels = {
      service,
      role: 'server',
      method: 'GET',
      route: '/',
      status: 200,
      error: '',
      port: 80,
      peer,
    };
    store.of({ ...labels, overflow: false } as Labels, now).changedAt = now;
    return peer;
  };
  for (let i = 0; i < 100; i++) strictEqual(call(i, 0).address?.ip, `10.0.0.${i}`);
  strictEqual(call(100, 1), OTHER_PEER);
  strictEqual(call(100, 1, till).key, '10.0.0.100:0', 'to another service it is the first');
  // Half of them go on.
  for (let i = 50; i < 100; i++) call(i, 500_000);
  strictEqual(call(100, 500_001), OTHER_PEER);
  const later = 601_000;
  const all = Array.from({ length: 52 }, (_, i) => call(200 + i, later).key);
  deepStrictEqual(all.slice(-4), ['10.0.0.248:0', '10.0.0.249:0', '*', '*']);
  strictEqual(call(99, later).key, '10.0.0.99:0');
});
