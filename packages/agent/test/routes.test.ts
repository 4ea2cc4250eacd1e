import { deepStrictEqual, ok, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { Patterns } from '../src/routes/patterns.ts';
import { Routes } from '../src/routes/routes.ts';
import { isParameter } from '../src/routes/segment.ts';
import { Trie } from '../src/routes/trie.ts';

test('a segment is a parameter by its look', () => {
  const parameters = [
    '0',
    '42',
    '0123456789',
    '4bf92f35-77b3-4da6-a3ce-929d0e0e4736',
    'd41d8cd98f00b204e9800998ecf8427e',
    'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9',
  ];
  const names = [
    '',
    'users',
    'v1',
    'deadbeef',
    'a-b-c',
    'page-2',
    '2026-11-25',
    'utf8',
    'o2',
    'x'.repeat(60),
  ];
  deepStrictEqual(
    parameters.filter((s) => !isParameter(s)),
    [],
  );
  deepStrictEqual(names.filter(isParameter), []);
});

const routes = (trie: Trie, ...paths: string[]) => paths.map((path) => trie.routeOf(path).route);

test('names stay, values become {id}', () => {
  const trie = new Trie();
  deepStrictEqual(routes(trie, '/', '/users', '/users/', '/users/42', '/users/42/orders/7', '*', ''), [
    '/',
    '/users',
    '/users/',
    '/users/{id}',
    '/users/{id}/orders/{id}',
    '*',
    '',
  ]);
  strictEqual(trie.size, 7);
});

const word = (n: number) => n.toString(26).replaceAll(/\d/g, (d) => 'qrstuvwxyz'[Number(d)]!);

test('a place with more names than a program has routes takes values', () => {
  const trie = new Trie({ children: 20, routes: 100, depth: 32 });
  routes(trie, '/users/me/settings', '/about');
  for (let i = 0; i < 20; i++) trie.routeOf(`/users/${word(i)}`);
  const found = trie.routeOf('/users/another');
  strictEqual(found.route, '/users/{id}');
  deepStrictEqual(found.learned, []);
  const [learned] = routes(trie, '/users/me/settings');
  strictEqual(learned, '/users/{id}/settings');
  strictEqual(trie.routeOf('/about').route, '/about');
  ok(trie.size <= 4, `${trie.size}`);
});

test('what was learned says where, and which routes are no more', () => {
  const trie = new Trie({ children: 2, routes: 100, depth: 32 });
  routes(trie, '/a/1/x', '/a/1/y');
  const { route, learned, superseded } = trie.routeOf('/a/1/z');
  strictEqual(route, '/a/{id}/{id}');
  deepStrictEqual(learned, [[{ text: '' }, { text: 'a' }, 'parameter']]);
  deepStrictEqual(superseded.toSorted(), ['/a/{id}/x', '/a/{id}/y']);
});

test('a million paths make no more routes than the cap, at any depth', () => {
  const trie = new Trie({ children: 50, routes: 30, depth: 8 });
  const seen = new Set<string>();
  for (let i = 0; i < 100_000; i++) {
    const path = Array.from({ length: 1 + (i % 12) }, (_, d) => word(i * 31 + d * 7)).join('/');
    seen.add(trie.routeOf(`/${path}`).route);
    ok(trie.size <= 30);
  }
  ok(seen.size < 400, `${seen.size}`);
});

test('patterns win, the first that fits', () => {
  const patterns = new Patterns(['/users/me', '/users/{user}', '/static/*', '/a/{b}/c']);
  const match = (path: string) => patterns.match(path);
  deepStrictEqual(
    ['/users/me', '/users/x', '/users/42', '/static/a/b.js', '/static', '/a/1/c', '/a/1/d', '/users/'].map(
      match,
    ),
    ['/users/me', '/users/{user}', '/users/{user}', '/static/*', undefined, '/a/{b}/c', undefined, undefined],
  );
  // The kernel could not tell /users/me from a value, had it learned that place.
  deepStrictEqual(patterns.parameterPlaces('/users/x'), []);
  deepStrictEqual(patterns.parameterPlaces('/a/1/c'), [2]);
  for (const wrong of ['users', '/a/{b', '/x/42', '/a/*/b']) throws(() => new Patterns([wrong]), /route/);
});

test('names that are nearly all refused are of a scanner: what was answered keeps its name', () => {
  const tables = new FakeTables(10_000);
  const all = new Routes(tables, { answers: true, limits: { children: 20 } });
  let fingerprint = BIG;
  let now = 0;
  const ask = (path: string, status?: number) => {
    const route = all.path(fingerprint++, 1, path, now);
    if (status !== undefined) all.answered(BigInt(route.number), 'server', status, 1);
    return route.text;
  };
  ask('/users/7/orders', 200);
  ask('/health', 204);
  ask('/health', 404);
  ask('/', 200);
  const scan = (from: number, to: number, status?: number) => {
    for (let i = from; i < to; i++) ask(`/${word(i)}.php`, status);
  };
  // They come so fast that nobody knows yet what becomes of them.
  scan(0, 40);
  strictEqual(ask('/.env'), '/{id}');
  strictEqual(tables.learned.size, 0);
  for (let i = 4n; i < 44n; i++) {
    const { number, text } = all.find(BIG + i)!;
    if (text !== '/{id}') all.answered(BigInt(number), 'server', 404, 1);
  }
  scan(40, 60, 404);
  // What is deployed meanwhile gets its name.
  strictEqual(ask('/deployed', 200), '/deployed');
  scan(60, 300, 404);
  strictEqual(ask('/deployed', 200), '/deployed');
  deepStrictEqual(
    ['/.git/config', '/users/8/orders', '/health', '/', '/qqqq.php'].map((path) => ask(path)),
    ['/{id}/config', '/users/{id}/orders', '/health', '/', '/{id}'],
  );
  ok(all.size < 30, `${all.size} routes`);
  strictEqual(tables.learned.size, 0);
  // Day by day.
  for (let from = 300; from < 5_000; from += 350) {
    now += 60_000;
    scan(from, from + 350, 404);
  }
  strictEqual(ask('/health'), '/health');
  // A flood is one, whatever is answered: the kernel has to know.
  scan(5_000, 5_450, 404);
  strictEqual(tables.learned.size, 1);
  strictEqual(ask('/health'), '/{id}');
  all.tidy(now + 3_599_999);
  strictEqual(tables.learned.size, 1);
  // An hour later the kernel tells them apart again: what was there before has its name back, and a scanner none.
  now += 3_600_000;
  all.tidy(now);
  strictEqual(tables.learned.size, 0);
  deepStrictEqual(
    ['/health', '/users/9/orders', '/.env'].map((path) => ask(path)),
    ['/health', '/users/{id}/orders', '/{id}'],
  );
  // And the day after what is new gets one.
  now += 86_400_000;
  strictEqual(ask('/newest', 200), '/newest');
});

test('names that were asked for once beside those that always are are a scanner’s, of a server that answers all', () => {
  const tables = new FakeTables(10_000);
  const all = new Routes(tables, { answers: true, limits: { children: 20 } });
  let fingerprint = BIG;
  const ask = (path: string, requests: number, status = 200) => {
    const route = all.path(fingerprint++, 1, path, 0);
    // As of a proxy, that asks its server for the same.
    for (const role of ['server', 'client'] as const)
      all.answered(BigInt(route.number), role, status, requests);
    return route.text;
  };
  ask('/', 40);
  ask('/api/users/7', 200);
  ask('/api/orders', 1);
  ask('/settings', 2);
  // Its page is the answer to whatever is asked.
  for (let i = 0; i < 300; i++) ask(`/${word(i)}.php`, 1);
  deepStrictEqual(
    ['/', '/api/users/8', '/api/orders', '/settings', '/.env', '/.git/config'].map((path) => ask(path, 1)),
    ['/', '/api/users/{id}', '/api/orders', '/settings', '/{id}', '/{id}/config'],
  );
  ok(all.size < 40, `${all.size} routes`);
  strictEqual(tables.learned.size, 0);
});

test('values are asked for once as well, but all of them', () => {
  const tables = new FakeTables(10_000);
  const all = new Routes(tables, { answers: true, limits: { children: 20 } });
  for (let i = 0; i < 21; i++) {
    const route = all.path(BIG + BigInt(i), 1, `/u/${word(i)}`, 0);
    all.answered(BigInt(route.number), 'server', 200, i < 3 ? 20 : 1);
  }
  strictEqual(all.path(BIG + 30n, 1, '/u/another', 0).text, '/u/{id}');
  strictEqual(tables.learned.size, 1);
});

test('names that are answered are values, as soon as it is known', () => {
  const tables = new FakeTables(10_000);
  const all = new Routes(tables, { answers: true, limits: { children: 20 } });
  for (let i = 0; i < 25; i++) all.path(BIG + BigInt(i), 1, `/u/${word(i)}`, 0);
  strictEqual(tables.learned.size, 0);
  for (let i = 0n; i < 20n; i++) all.answered(BIG + i, 'client', i % 3n === 0n ? 404 : 200, 1);
  strictEqual(all.path(BIG + 30n, 1, '/u/another', 0).text, '/u/{id}');
  strictEqual(tables.learned.size, 1);
  strictEqual(all.path(BIG + 31n, 1, `/u/${word(0)}`, 0).text, '/u/{id}');
});

test('what a pattern names is told apart also in a place that takes values', () => {
  const tables = new FakeTables(1000);
  const all = new Routes(tables, { patterns: ['/health', '/v/{id}/now'], limits: { children: 5 } });
  let fingerprint = BIG;
  /** A service that a scanner visits: what it makes of one name more. */
  const scanned = (service: number, before: string) => {
    for (let i = 0; i < 10; i++) all.path(fingerprint++, service, `${before}/${word(i)}`, 0);
    return all.path(fingerprint++, service, `${before}/another`, 0).text;
  };
  strictEqual(scanned(1, ''), '/{id}');
  strictEqual(scanned(2, '/v/7'), '/v/{id}/{id}');
  // Had the kernel learned these places, it would take what the patterns name for one more value.
  strictEqual(tables.learned.size, 0);
  strictEqual(all.path(fingerprint++, 1, '/health', 0).text, '/health');
  strictEqual(all.path(fingerprint++, 2, '/v/8/now', 0).text, '/v/{id}/now');
  tables.learned.clear();
  strictEqual(scanned(3, '/w'), '/w/{id}');
  strictEqual(tables.learned.size, 1);
});

/** The kernel's tables, as far as routes need them. */
class FakeTables {
  readonly routes = new Map<bigint, number>();
  readonly learned = new Set<bigint>();
  readonly capacity: {
    series: number;
    processes: number;
    fingerprints: number;
    learned: number;
    peers: number;
  };

  constructor(fingerprints = 100, learned = 10) {
    this.capacity = { series: 0, processes: 0, fingerprints, learned, peers: 0 };
  }
  setRoute(fingerprint: bigint, route: number): boolean {
    if (this.routes.size >= this.capacity.fingerprints && !this.routes.has(fingerprint)) return false;
    this.routes.set(fingerprint, route);
    return true;
  }
  deleteRoute(fingerprint: bigint): void {
    this.routes.delete(fingerprint);
  }
  learn(path: bigint): boolean {
    if (this.learned.size >= this.capacity.learned) return false;
    this.learned.add(path);
    return true;
  }
  unlearn(path: bigint): void {
    this.learned.delete(path);
  }
}

const BIG = 2n ** 40n;

test('the kernel keeps the youngest fingerprints, and asks again for others', () => {
  const tables = new FakeTables(100);
  const all = new Routes(tables, { limits: { children: 1000, routes: 1000 } });
  for (let i = 0; i < 500; i++) all.path(BIG + BigInt(i), 1, `/p/${word(i)}`, 0);
  ok(tables.routes.size <= 75 && tables.routes.size >= 65, `${tables.routes.size}`);
  strictEqual(all.fingerprints, tables.routes.size);
  strictEqual(all.evicted, 500 - all.fingerprints);
  ok(tables.routes.has(BIG + 499n));
  // A request that began before its fingerprint went is still counted as what it was.
  strictEqual(all.find(BIG)?.text, `/p/${word(0)}`);
  strictEqual(all.find(BIG + 10_000n), undefined);
});

test('what a proxy is asked for goes by its path, without the host', () => {
  const all = new Routes(new FakeTables(100), { patterns: ['/admin/*'] });
  const targets = ['http://a.example/users/42', 'https://[::1]:8443/users/7', '/users/1', 'http://a.example'];
  const texts = [...targets, 'HTTP://b/admin/x', 'a.example:443', '*', 'odd'].map(
    (target, i) => all.path(BIG + BigInt(i), 1, target, 0).text,
  );
  deepStrictEqual(texts, ['/users/{id}', '/users/{id}', '/users/{id}', '/', '/admin/*', '*', '*', 'odd']);
});

test('paths are bytes to the kernel and UTF-8 to people, also those of the configuration', () => {
  const all = new Routes(new FakeTables(100), { patterns: ['/straßen/{name}'], limits: { children: 5 } });
  const bytes = (path: string) => Buffer.from(path).toString('latin1');
  const targets = [bytes('/straßen/lützow'), bytes('/käse'), '/\xff', bytes('/a\u009b31mb'), '/plain'];
  deepStrictEqual(
    targets.map((target, i) => all.path(BIG + BigInt(i), 1, target, 0).text),
    ['/straßen/{name}', '/käse', '/\ufffd', '/a\ufffd31mb', '/plain'],
  );
  // They are given up as they were made, by their bytes.
  const käse = all.find(BIG + 1n)!;
  for (let i = 5; i < 10; i++) all.path(BIG + BigInt(i), 1, bytes(`/${word(i)}ö`), 10);
  strictEqual(käse.supersededAt, 10);
});

test('a learned place frees the fingerprints behind it, once each', () => {
  const tables = new FakeTables(100);
  const all = new Routes(tables, { limits: { children: 5 } });
  for (let i = 0; i < 5; i++) all.path(BIG + BigInt(i), 1, `/u/${word(i)}`, 0);
  const first = all.find(BIG)!;
  strictEqual(tables.routes.get(BIG), first.number);
  const route = all.path(BIG + 5n, 1, '/u/another', 10);
  strictEqual(route.text, '/u/{id}');
  deepStrictEqual([...tables.routes], [[BIG + 5n, route.number]]);
  strictEqual(tables.learned.size, 1);
  strictEqual(first.supersededAt, 10);
  strictEqual(all.find(BigInt(first.number)), first);
  all.tidy(10 + 120_001);
  strictEqual(all.find(BigInt(first.number)), undefined);
  all.forget(1);
  deepStrictEqual([tables.routes.size, tables.learned.size, all.size], [0, 0, 0]);
});

test('of a process that is gone nothing is kept: ever new ones would fill the memory of all that live', () => {
  const tables = new FakeTables(100);
  const all = new Routes(tables);
  const route = all.path(BIG, 1, '/a', 0, 7);
  all.path(BIG + 1n, 1, '/b', 0, 7);
  all.path(BIG + 2n, 1, '/a', 0, 8);
  all.path(BIG + 3n, 1, '/a', 0);
  // The kernel asked again: it is the service's by now, and no process's.
  all.path(BIG + 1n, 1, '/b', 5);
  all.forgetProcess(7);
  deepStrictEqual([...tables.routes.keys()], [BIG + 2n, BIG + 3n, BIG + 1n].sort());
  strictEqual(all.find(BIG), undefined);
  strictEqual(all.find(BIG + 2n), route);
  deepStrictEqual([...route.fingerprints], [BIG + 2n, BIG + 3n]);
  all.forgetProcess(7);
  all.forgetProcess(9);
  strictEqual(all.fingerprints, 3);
});

test('more learned places than the kernel has room for are counted', () => {
  const tables = new FakeTables(10_000, 3);
  const all = new Routes(tables, { limits: { children: 2 } });
  for (let place = 0; place < 2; place++)
    for (let i = 0; i < 3; i++) all.path(BIG + BigInt(place * 10 + i), place, `/u/${word(i)}`, 0);
  strictEqual(all.learnRefused, 0);
  for (let place = 2; place < 8; place++)
    for (let i = 0; i < 3; i++) all.path(BIG + BigInt(place * 10 + i), place, `/u/${word(i)}`, 0);
  strictEqual(tables.learned.size, 3);
  strictEqual(all.learnRefused, 5);
});
