// The rows of the live view stay themselves while they move, and of services that are gone nothing is kept.
import { deepStrictEqual, notStrictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { Agent } from '../src/index.ts';
import { AgentRun } from '../src/view/index.ts';
import { SERVICES } from '../src/view/streams.ts';

test('a service keeps its row while it is there', () => {
  let names: string[] = [];
  const side = { rate: 1, errorRate: 0, p50: 1, p95: 1, p99: 1, requests: 1, errors: 0 };
  const services = () =>
    names.map((name) => ({ name, ports: [], pids: [], server: side, client: side, calledBy: [], calls: [] }));
  const run = new AgentRun();
  run.of({ services, series: [], recentSpans: [] } as unknown as Agent);
  const rows = (...all: string[]) => {
    names = all;
    run.update();
    return Object.fromEntries([...run.series.of(SERVICES)].map((row) => [row.labels[0]![1], row.id]));
  };
  const first = rows('shop', 'till');
  deepStrictEqual(rows('till', 'shop'), first);
  rows('till');
  const again = rows('shop', 'till');
  deepStrictEqual(again.till, first.till);
  // A machine has ever new names: a row is not waited for.
  notStrictEqual(again.shop, first.shop);
});
