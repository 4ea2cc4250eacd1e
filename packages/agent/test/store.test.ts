// What two series are called is never the same: Prometheus refuses a scrape in which it is.
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { seriesLabels } from '../src/metrics/requests.ts';
import { NOBODY, OTHER_PEER, type Peer } from '../src/peers/peers.ts';
import type { Labels } from '../src/series/series.ts';
import { SeriesStore } from '../src/series/store.ts';
import { Service } from '../src/services/service.ts';

const shop = new Service(1, 'shop', undefined, 0);
const labels = (more: Partial<Labels>): Labels => ({
  ...{ service: shop, role: 'client', method: 'GET', route: '/', status: 200, error: '', port: 80 },
  ...{ peer: NOBODY, overflow: false },
  ...more,
});
const service = (id: number, namespace: string): Peer => ({
  service: new Service(id, 'db', namespace, 0),
  key: `s${id}`,
});
const address = (ip: string, port: number): Peer => ({
  address: { ip, port } as NonNullable<Peer['address']>,
  key: `${ip}:${port}`,
});

/** How many series these are, each shown by other labels. */
function shown(...all: Partial<Labels>[]): number {
  const store = new SeriesStore();
  for (const one of all) store.of(labels(one), 0);
  const texts = [...store].map((series) => JSON.stringify(seriesLabels(series)));
  deepStrictEqual([...new Set(texts)], texts);
  return texts.length;
}

test('an error that came whole and one that was cut off are one series, by their status', () => {
  strictEqual(shown({ status: 500 }, { status: 500, error: 'closed' }, { status: 500, error: 'reset' }), 1);
  strictEqual(shown({ status: 404 }, { status: 404, error: 'reset' }), 1);
  // To a server it is no error, so why it was cut off is told.
  strictEqual(shown({ role: 'server', status: 404 }, { role: 'server', status: 404, error: 'reset' }), 2);
  strictEqual(shown({ status: 200 }, { status: 200, error: 'reset' }), 2);
  strictEqual(shown({ status: 0, error: 'reset' }, { status: 0, error: 'closed' }, { status: 0 }), 3);
});

test('other ends that are shown alike are one series', () => {
  strictEqual(shown({ peer: service(2, 'blue') }, { peer: service(3, 'green') }), 1);
  strictEqual(shown({ peer: NOBODY }, { peer: OTHER_PEER }), 1);
  strictEqual(shown({ role: 'server', peer: NOBODY }, { role: 'server', peer: OTHER_PEER }), 2);
  strictEqual(shown({ peer: address('10.0.0.1', 80) }, { peer: address('10.0.0.1', 81) }), 1);
  strictEqual(shown({ peer: address('10.0.0.1', 80) }, { peer: address('10.0.0.2', 80) }), 2);
});
