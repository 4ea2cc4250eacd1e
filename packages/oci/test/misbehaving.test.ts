import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { MEDIA_TYPE, machinePlatform, pull, push, Store, type TransferOptions } from '../src/index.ts';
import { retryAfter } from '../src/registry/errors.ts';
import { failsWith } from './helpers/errors.ts';
import { digestOf, type FakeRegistry, type Hook, startFake } from './helpers/fake-registry.ts';
import { putTestImage } from './helpers/image.ts';
import { tempDir } from './helpers/temp.ts';

const LAYER = randomBytes(3_000_000);

/** A registry with one image in it, `x/y:1`, and two empty stores' worth of room. */
async function setUp(t: TestContext) {
  const fake = await startFake();
  t.after(() => fake.close());
  const home = tempDir(t);
  const opts: TransferOptions = {
    env: { HOME: home, PATH: process.env.PATH },
    retry: { attempts: 3, pauseMs: 5 },
  };
  const ref = `${fake.host}/x/y:1`;
  const source = await Store.open(join(home, 'source'));
  const image = await putTestImage(source, ref, LAYER);
  await push(source, ref, opts);
  fake.seen.length = 0;
  const store = await Store.open(join(home, 'store'));
  return { fake, opts, ref, source, store, image, home };
}

const always = (status: number, headers: Record<string, string> = {}, body = ''): Hook => {
  return (_req, res) => {
    res.writeHead(status, headers).end(body);
    return true;
  };
};

/** The first `n` requests for which `when` holds are answered by `hook`. */
function first(n: number, when: (method: string, path: string) => boolean, hook: Hook): Hook {
  let left = n;
  return (req, res, seen) => when(seen.method, seen.path) && left-- > 0 && hook(req, res, seen);
}

test('each bad answer has its code, and the store stays empty', async (t) => {
  const { fake, opts, ref, store } = await setUp(t);
  const html = { 'content-type': 'text/html' };
  const json = { 'content-type': MEDIA_TYPE.manifest };
  const cases: [Hook, Parameters<typeof failsWith>[0], RegExp][] = [
    [always(401, { 'www-authenticate': 'Basic realm="r"' }), 'SKEP_UNAUTHORIZED', /wants a login/],
    [always(401), 'SKEP_REGISTRY', /does not say how/],
    [
      always(403, {}, '{"errors":[{"code":"DENIED","message":"no way\\u001b[2J"}]}'),
      'SKEP_FORBIDDEN',
      /DENIED: no way \[2J/,
    ],
    [always(404), 'SKEP_NOT_FOUND', /nothing to pull x\/y:1/],
    [always(500, {}, '<h1>'), 'SKEP_REGISTRY', /answered 500/],
    [always(418), 'SKEP_REGISTRY', /answered 418/],
    [always(200, html, '<html>'), 'SKEP_REGISTRY', /text\/html/],
    [always(200, json, '{"schemaVersion":2'), 'SKEP_MANIFEST_INVALID', /not JSON/],
    [always(200, json, 'x'.repeat(5_000_000)), 'SKEP_REGISTRY', /more than 4194304 bytes/],
    [
      always(200, { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' }, '{}'),
      'SKEP_MEDIA_TYPE',
      /prettyjws/,
    ],
    [
      always(200, { ...json, 'docker-content-digest': `sha256:${'0'.repeat(64)}` }, '{}'),
      'SKEP_DIGEST_MISMATCH',
      /is not sha256:000/,
    ],
    [always(302, { location: '/v2/x/y/manifests/1' }), 'SKEP_REGISTRY', /circles/],
    [always(302, { location: 'ftp://x/' }), 'SKEP_REGISTRY', /circles/],
  ];
  for (const [hook, code, message] of cases) {
    fake.hook = hook;
    await failsWith(code, () => pull(store, ref, opts), message);
  }
  assert.deepEqual(await store.list(), []);
  assert.deepEqual(readdirSync(join(store.dir, '.skep', 'work')), []);
});

test('push: each bad answer has its code too', async (t) => {
  const { fake, opts, source } = await setUp(t);
  const ref = `${fake.host}/new/y:1`;
  await putTestImage(source, ref, 'new');
  const upload =
    (hook: Hook): Hook =>
    (req, res, seen) =>
      seen.path.includes('/uploads/') && hook(req, res, seen);
  const cases: [Hook, Parameters<typeof failsWith>[0], RegExp][] = [
    [always(403), 'SKEP_FORBIDDEN', /push to new\/y/],
    [upload(always(403)), 'SKEP_FORBIDDEN', /push to new\/y/],
    [upload(always(202)), 'SKEP_REGISTRY', /does not say where/],
    [upload(always(413)), 'SKEP_REGISTRY', /answered 413/],
    [upload(always(503)), 'SKEP_REGISTRY', /answered 503/],
    [
      first(
        1,
        (m, p) => m === 'PUT' && p.includes('/manifests/'),
        always(201, { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }),
      ),
      'SKEP_DIGEST_MISMATCH',
      /stored another manifest/,
    ],
  ];
  for (const [hook, code, message] of cases) {
    fake.hook = hook;
    await failsWith(code, () => push(source, ref, opts), message);
  }
  fake.hook = undefined;
  await push(source, ref, opts);
});

test("a manifest that is refused for another client's writing of it is sent again", async (t) => {
  const { fake, opts, source } = await setUp(t);
  const ref = `${fake.host}/new/y:1`;
  await putTestImage(source, ref, 'new');
  const manifests = (method: string, path: string) => method === 'PUT' && path.includes('/manifests/');
  const invalid = always(400, {}, '{"errors":[{"code":"DIGEST_INVALID","message":"did not match"}]}');
  fake.hook = first(2, manifests, invalid);
  await push(source, ref, opts);
  assert.equal(fake.count('PUT', '/manifests/'), 3);
  fake.hook = first(9, manifests, invalid);
  await failsWith('SKEP_REGISTRY', () => push(source, ref, opts), /answered 400 .*DIGEST_INVALID/);
  assert.equal(fake.count('PUT', '/manifests/'), 6, 'and given up');
});

test('where files are only served, the document says what it is', async (t) => {
  const { fake, opts, ref, store } = await setUp(t);
  for (const type of ['application/json; charset=utf-8', 'application/octet-stream', '']) {
    for (const entry of fake.content.values()) entry.type = type;
    const image = await pull(store, ref, opts);
    assert.equal(image.descriptor.mediaType, MEDIA_TYPE.manifest, type);
    await store.remove(ref);
  }
});

test('an index that lies about the size of a manifest is refused', async (t) => {
  const { fake, opts, ref, store, image } = await setUp(t);
  const { mediaType, digest, size } = image.entry;
  const manifests = [{ mediaType, digest, size: size + 1, platform: machinePlatform() }];
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests }));
  fake.content.set('x/y:1', { bytes: index, type: MEDIA_TYPE.index });
  const lie = new RegExp(`lists ${digest} with ${size + 1} bytes, and it has ${size}`);
  await failsWith('SKEP_MANIFEST_INVALID', () => pull(store, ref, opts), lie);
  assert.deepEqual(await store.list(), []);
});

test('nothing there, and not HTTP', async (t) => {
  const { opts, store } = await setUp(t);
  await failsWith(
    'SKEP_REGISTRY_UNREACHABLE',
    () => pull(store, '127.0.0.1:1/x', opts),
    /Nothing listens at 127\.0\.0\.1:1/,
  );
  await failsWith('SKEP_REGISTRY_UNREACHABLE', () =>
    pull(store, 'nowhere.invalid/x', { ...opts, retry: { attempts: 1 } }),
  );
  const { createServer: createTcp } = await import('node:net');
  const ssh = createTcp((s) => s.on('error', () => undefined).end('SSH-2.0-OpenSSH_9.2\r\n'));
  await new Promise<void>((resolve) => ssh.listen(0, '127.0.0.1', resolve));
  t.after(() => ssh.close());
  const address = ssh.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await failsWith(
    'SKEP_REGISTRY',
    () => pull(store, `127.0.0.1:${port}/x`, { ...opts, plainHttp: true }),
    /not HTTP/,
  );
});

test('429 and 5xx are tried again, after the pause that was asked for', async (t) => {
  const { fake, opts, ref, store } = await setUp(t);
  fake.hook = first(2, () => true, always(429, { 'retry-after': '0' }));
  await pull(store, ref, opts);
  fake.hook = first(2, () => true, always(503));
  await pull(store, ref, opts);
  fake.hook = first(1, () => true, always(429, { 'retry-after': '1' }));
  const start = performance.now();
  await pull(store, ref, opts);
  assert.ok(performance.now() - start >= 990, 'Retry-After is honoured');
  fake.hook = always(429, { 'retry-after': '3600' });
  fake.seen.length = 0;
  const e = await failsWith('SKEP_REGISTRY', () => pull(store, ref, opts), /3600 seconds of patience/);
  assert.match(e.hint, /Try again in 3600 seconds/);
  assert.equal(fake.seen.length, 1);
  assert.equal(retryAfter('Thu, 01 Jan 1970 00:00:10 GMT', 4000), 6000);
  assert.equal(retryAfter('soon'), undefined);
});

test('a registry that stalls is given up', async (t) => {
  const { fake, ref, store, source, image, ...given } = await setUp(t);
  // Here alone: a busy machine may stand still for as long in the middle of anything.
  const opts = { ...given.opts, idleTimeoutMs: 150 };
  fake.hook = () => true; // never answers
  await failsWith('SKEP_REGISTRY_TIMEOUT', () => pull(store, ref, opts), /nothing for 0\.15 seconds/);
  assert.equal(fake.seen.length, 2, 'one more try, not more');
  fake.hook = (_req, res, seen) => {
    if (!seen.path.includes(image.layer.digest)) return false;
    res.writeHead(200, { 'content-length': LAYER.length }).write(LAYER.subarray(0, 1000));
    return true; // the rest never comes
  };
  await failsWith('SKEP_REGISTRY_TIMEOUT', () => pull(store, ref, opts));
  fake.hook = (req, _res, seen) => {
    if (seen.method !== 'PUT') return false;
    req.pause(); // an upload that is not read
    return true;
  };
  await putTestImage(source, `${fake.host}/stall/y:1`, randomBytes(8_000_000));
  await failsWith('SKEP_REGISTRY_TIMEOUT', () => push(source, `${fake.host}/stall/y:1`, opts));
  assert.deepEqual(await store.list(), []);
});

test('a registry that wants to speak another protocol is one that gives no answer', async (t) => {
  const { fake, opts, ref, store } = await setUp(t);
  fake.hook = (_req, res) => {
    res.socket?.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n');
    return true;
  };
  await failsWith('SKEP_REGISTRY_UNREACHABLE', () => pull(store, ref, opts), /broke \(it gave no answer\)/);
});

test('a download cut in the middle goes on where it broke', async (t) => {
  const { fake, opts, ref, store, image } = await setUp(t);
  const cut =
    (at: number): Hook =>
    (_req, res) => {
      res.writeHead(200, { 'content-length': LAYER.length });
      res.write(LAYER.subarray(0, at), () => setImmediate(() => res.destroy()));
      return true;
    };
  fake.hook = first(1, (_m, p) => p.includes(image.layer.digest), cut(1_000_000));
  await pull(store, ref, opts);
  const ranges = fake.seen.filter((s) => s.path.includes(image.layer.digest)).map((s) => s.range);
  assert.equal(ranges[0], undefined);
  assert.match(ranges[1] ?? '', /^bytes=[1-9]\d*-$/);
  assert.ok(Buffer.from(await store.readBlob(image.layer.digest)).equals(LAYER));
  // A registry that knows no ranges sends everything again; what we have is skipped.
  await store.remove(ref);
  let asked = 0;
  fake.hook = (req, res, seen) => {
    if (!seen.path.includes(image.layer.digest)) return false;
    if (asked++ === 0) return cut(2_000_000)(req, res, seen);
    res.writeHead(200, { 'content-length': LAYER.length }).end(LAYER);
    return true;
  };
  await pull(store, ref, opts);
  assert.equal(asked, 2);
  // And one that always breaks is given up, with nothing left behind.
  await store.remove(ref);
  fake.hook = first(100, (_m, p) => p.includes(image.layer.digest), cut(0));
  await failsWith('SKEP_REGISTRY_UNREACHABLE', () => pull(store, ref, opts), /broke/);
  assert.deepEqual(await store.list(), []);
});

test('a registry that goes away in the middle is waited for, one that never was is not', async (t) => {
  const { fake, opts, ref, store, image } = await setUp(t);
  fake.hook = async (_req, res, seen) => {
    if (!seen.path.includes(image.layer.digest)) return false;
    res.destroy();
    await fake.close();
    return true;
  };
  const gone = await failsWith(
    'SKEP_REGISTRY_UNREACHABLE',
    () => pull(store, ref, opts),
    /Nothing listens .* any more/,
  );
  assert.equal(gone.transient, true);
  const never = await failsWith(
    'SKEP_REGISTRY_UNREACHABLE',
    () => pull(store, ref, opts),
    /Nothing listens at [\d.:]+\.$/,
  );
  assert.equal(never.transient, false);
});

test('content that is not what its digest says never gets into the store', async (t) => {
  const { fake, opts, ref, store, image } = await setUp(t);
  const wrong = Buffer.from(LAYER);
  wrong[1_500_000] = (wrong[1_500_000] as number) ^ 1;
  for (const body of [wrong, Buffer.concat([LAYER, Buffer.from('more')])]) {
    fake.hook = (_req, res, seen) => {
      if (!seen.path.includes(image.layer.digest)) return false;
      res.writeHead(200).end(body);
      return true;
    };
    await failsWith('SKEP_DIGEST_MISMATCH', () => pull(store, ref, opts));
    assert.ok(!(await store.hasBlob(image.layer.digest)));
    assert.deepEqual(await store.list(), []);
  }
  // What is whole and shorter than its manifest says is not asked for again.
  const short = LAYER.subarray(0, -1);
  for (const headers of [{ 'content-length': short.length }, { 'transfer-encoding': 'chunked' }]) {
    fake.seen.length = 0;
    fake.hook = (_req, res, seen) => {
      if (!seen.path.includes(image.layer.digest)) return false;
      res.writeHead(200, headers).end(short);
      return true;
    };
    const why = new RegExp(
      `has ${short.length} bytes of ${image.layer.digest}, which should have ${LAYER.length}`,
    );
    await failsWith('SKEP_DIGEST_MISMATCH', () => pull(store, ref, opts), why);
    assert.equal(fake.count('GET', image.layer.digest), 1);
  }
});

test('an upload cut in the middle is resumed where the registry can tell, else started again', async (t) => {
  const { fake, opts, source } = await setUp(t);
  const data = randomBytes(4_000_000);
  const ref = `${fake.host}/up/y:1`;
  const { layer } = await putTestImage(source, ref, data);
  // The connection breaks in the PUT, after the registry has kept a part.
  const kept = 1_000_000;
  const parts = { broke: false };
  fake.hook = (req, res, seen) => {
    if (seen.method === 'PUT' && seen.path.includes(encodeURIComponent(layer.digest)) && !parts.broke) {
      parts.broke = true;
      req.once('data', () => req.socket.destroy());
      return true;
    }
    if (seen.method === 'GET' && seen.path.includes('/uploads/')) {
      res.writeHead(204, { location: seen.path.replace('u', 'u'), range: `0-${kept - 1}` }).end();
      return true;
    }
    if (seen.method === 'PATCH') {
      assert.equal(req.headers['content-range'], `${kept}-${data.length - 1}`);
      const chunks: Buffer[] = [data.subarray(0, kept)];
      req.on('data', (c: Buffer) => chunks.push(c));
      req.on('end', () => {
        fake.content.set(digestOf(Buffer.concat(chunks)), { bytes: Buffer.concat(chunks), type: 'x/y' });
        res.writeHead(202, { location: '/v2/up/y/blobs/uploads/finish' }).end();
      });
      return true;
    }
    if (seen.path.includes('/uploads/finish')) {
      res.writeHead(201).end();
      return true;
    }
    return false;
  };
  await push(source, ref, opts);
  assert.equal(fake.count('PATCH', '/uploads/'), 1);
  assert.ok(fake.content.get(layer.digest)?.bytes.equals(data));
  // A registry that has forgotten the upload: from the start.
  const again = randomBytes(4_000_000);
  const other = await putTestImage(source, `${fake.host}/up/z:1`, again);
  let broke = 0;
  fake.hook = (req, res, seen) => {
    if (seen.method === 'PUT' && seen.path.includes('/uploads/') && broke++ === 0) {
      req.once('data', () => req.socket.destroy());
      return true;
    }
    if (seen.method === 'GET' && seen.path.includes('/uploads/')) return always(404)(req, res, seen);
    return false;
  };
  await push(source, `${fake.host}/up/z:1`, opts);
  assert.ok(fake.content.get(other.layer.digest)?.bytes.equals(again));
});

test('a token server is asked once, for the right scope, and an expired token is renewed', async (t) => {
  const { fake, opts, ref, store } = await setUp(t);
  let token = 'first';
  let asked: URL[] = [];
  fake.hook = (_req, res, seen) => {
    if (seen.path.startsWith('/token')) {
      asked.push(new URL(seen.path, 'http://x'));
      res.writeHead(200).end(JSON.stringify({ token }));
      return true;
    }
    if (seen.authorization === `Bearer ${token}`) return false;
    const www = `Bearer realm="http://${fake.host}/token?a=b",service="svc, the \\"one\\"",scope="x"`;
    res.writeHead(401, { 'www-authenticate': www }).end();
    return true;
  };
  await pull(store, ref, opts);
  assert.equal(asked.length, 1);
  assert.equal(asked[0]?.searchParams.get('scope'), 'repository:x/y:pull');
  assert.equal(asked[0]?.searchParams.get('service'), 'svc, the "one"');
  assert.equal(asked[0]?.searchParams.get('a'), 'b');
  asked = [];
  await store.remove(ref);
  const hook = fake.hook;
  fake.hook = (req, res, seen) => {
    if (seen.path.includes('/blobs/') && token === 'first') token = 'second';
    return hook(req, res, seen);
  };
  await pull(store, ref, opts);
  assert.equal(asked.length, 2, 'both blobs share the new token');
  fake.hook = (req, res, seen) =>
    seen.path.startsWith('/token') ? always(200, {}, '<html>\u001b')(req, res, seen) : hook(req, res, seen);
  await failsWith('SKEP_REGISTRY', () => pull(store, ref, opts), /no token, but "<html>"/);
  fake.hook = (req, res, seen) =>
    seen.path.startsWith('/token') ? always(401)(req, res, seen) : hook(req, res, seen);
  await failsWith('SKEP_UNAUTHORIZED', () => pull(store, ref, opts));
  await failsWith(
    'SKEP_UNAUTHORIZED',
    () => pull(store, ref, { ...opts, username: 'u', password: 'p' }),
    /login kept for/,
  );
});

test('a token that does not allow as much is no wrong login, and without a login it is one that is missing', async (t) => {
  const { fake, opts, ref, store } = await setUp(t);
  const www = `Bearer realm="http://${fake.host}/token",service="s"`;
  for (const fresh of [true, false]) {
    let n = 0;
    fake.hook = (req, res, seen) =>
      seen.path.startsWith('/token')
        ? always(200, {}, JSON.stringify({ token: `t${fresh ? n++ : 0}` }))(req, res, seen)
        : always(401, { 'www-authenticate': `${www},error="insufficient_scope"` })(req, res, seen);
    await failsWith('SKEP_UNAUTHORIZED', () => pull(store, ref, opts), /wants a login to pull x\/y:1/);
    const known = { ...opts, username: 'u', password: 'p' };
    await failsWith('SKEP_FORBIDDEN', () => pull(store, ref, known), /not let this account pull x\/y:1/);
  }
});

test('credentials never follow a redirect to another host', async (t) => {
  const { fake, opts, ref, store, image } = await setUp(t);
  const storage = await startFake();
  t.after(() => storage.close());
  storage.content = fake.content;
  fake.hook = (req, res, seen) => {
    if (seen.authorization === undefined)
      return always(401, { 'www-authenticate': 'Basic realm="r"' })(req, res, seen);
    if (!seen.path.includes('/blobs/')) return false;
    return always(307, { location: `http://${storage.host}${seen.path}` })(req, res, seen);
  };
  await pull(store, ref, { ...opts, username: 'u', password: 'p' });
  assert.ok(fake.seen.some((s) => s.authorization === `Basic ${Buffer.from('u:p').toString('base64')}`));
  assert.equal(storage.count('GET', image.layer.digest), 1);
  assert.ok(storage.seen.every((s) => s.authorization === undefined));
  // Nor when that host demands one, and names a token server to send it to.
  await store.remove(ref);
  const wanted = { 'www-authenticate': `Bearer realm="http://${storage.host}/token",service="s"` };
  storage.hook = always(401, wanted);
  await failsWith(
    'SKEP_REGISTRY',
    () => pull(store, ref, { ...opts, username: 'u', password: 'p' }),
    new RegExp(`leads to ${storage.host}, which wants a login to pull blob`),
  );
  assert.equal(storage.count('GET', '/token'), 0);
  assert.ok(storage.seen.every((s) => s.authorization === undefined));
});

test('a transfer is stopped by its signal', async (t) => {
  const { fake, opts, ref, store } = await setUp(t);
  const stop = new AbortController();
  fake.hook = (_req, res, seen) => {
    if (!seen.path.includes('/blobs/')) return false;
    res.writeHead(200, { 'content-length': LAYER.length }).write(LAYER.subarray(0, 1000), () => stop.abort());
    return true;
  };
  await failsWith('SKEP_ABORTED', () => pull(store, ref, { ...opts, signal: stop.signal }));
  await failsWith('SKEP_ABORTED', () => pull(store, ref, { ...opts, signal: AbortSignal.abort() }));
  assert.deepEqual(await store.list(), []);
});

test('an HTTP proxy is used for hosts that are not excluded', async (t) => {
  const { fake, opts, store, ref } = await setUp(t);
  const proxied = await startProxy(t, fake);
  const env = { ...opts.env, HTTP_PROXY: `http://user:p%40ss@${proxied.host}`, HTTPS_PROXY: proxied.host };
  await pull(store, 'registry.test:5000/x/y:1', { ...opts, env, plainHttp: true });
  assert.match(
    proxied.seen[0] ?? '',
    /^GET http:\/\/registry\.test:5000\/v2\/x\/y\/manifests\/1 Basic dXNlcjpwQHNz$/,
  );
  proxied.seen.length = 0;
  await pull(store, ref, { ...opts, env });
  assert.deepEqual(proxied.seen, [], 'loopback goes direct');
  await failsWith('SKEP_REGISTRY_UNREACHABLE', () =>
    pull(store, 'registry.test:5000/x/y:1', {
      ...opts,
      env: { ...env, NO_PROXY: '.test' },
      plainHttp: true,
      retry: { attempts: 1 },
    }),
  );
  await failsWith('SKEP_PROXY', () => pull(store, 'refused.test/x/y:1', { ...opts, env }), /answered 403/);
  proxied.seen.length = 0;
  await failsWith('SKEP_REGISTRY_TLS', () => pull(store, '[fd00::1]:5000/x/y:1', { ...opts, env }));
  assert.equal(proxied.seen[0], 'CONNECT [fd00::1]:5000');
  await failsWith(
    'SKEP_PROXY',
    () => pull(store, 'a.test/x', { ...opts, env: { HTTPS_PROXY: 'socks5://u:secret@x' } }),
    /"socks5:\/\/x"/,
  );
});

/** A proxy that sends every host to the fake registry. */
async function startProxy(t: TestContext, fake: FakeRegistry): Promise<{ host: string; seen: string[] }> {
  const seen: string[] = [];
  const target = Number(fake.host.split(':')[1]);
  const proxy = createServer((req, res) => {
    seen.push(`${req.method} ${req.url} ${req.headers['proxy-authorization']}`);
    const { request } = process.getBuiltinModule('node:http');
    const path = new URL(req.url ?? '').pathname;
    req.pipe(
      request({ port: target, host: '127.0.0.1', method: req.method, path }, (r) =>
        r.pipe(res.writeHead(r.statusCode ?? 0, r.headers)),
      ),
    );
  });
  proxy.on('connect', (req, socket) => {
    seen.push(`CONNECT ${req.url}`);
    if (req.url?.startsWith('refused')) return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const through = connect(target, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    socket.pipe(through).pipe(socket);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => proxy.close());
  const address = proxy.address();
  return { host: `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`, seen };
}

test('a registry that asks for chunks gets them, each of the least size or more', async (t) => {
  const fake = await startFake({ chunk: 9 * 1024 * 1024 });
  t.after(() => fake.close());
  const store = await Store.open(join(tempDir(t), 's'));
  const ref = `${fake.host}/x:1`;
  const { layer } = await putTestImage(store, ref, randomBytes(20 * 1024 * 1024));
  await push(store, ref);
  const sent = fake.seen.filter((s) => s.method === 'PATCH').map((s) => s.body.length);
  assert.deepEqual(
    sent.sort((a, b) => a - b),
    [2, 2 * 1024 * 1024, 9 * 1024 * 1024, 9 * 1024 * 1024],
  );
  assert.equal(fake.content.get(layer.digest)?.bytes.length, 20 * 1024 * 1024);
});

test('a proxy that takes no large request gets chunks, and one that takes none is named', async (t) => {
  const fake = await startFake();
  t.after(() => fake.close());
  const most = 8 * 1024 * 1024;
  fake.hook = (req, res) => {
    if (Number(req.headers['content-length'] ?? 0) <= most) return false;
    req.resume();
    res.writeHead(413).end();
    return true;
  };
  const store = await Store.open(join(tempDir(t), 's'));
  const ref = `${fake.host}/x:1`;
  const { layer } = await putTestImage(store, ref, randomBytes(9 * 1024 * 1024));
  await push(store, ref, { retry: { attempts: 2, pauseMs: 5 } });
  assert.equal(fake.content.get(layer.digest)?.bytes.length, 9 * 1024 * 1024);
  fake.content.clear();
  fake.hook = (req, res, seen) => {
    if (seen.method !== 'PATCH' && seen.method !== 'PUT') return false;
    req.resume();
    res.writeHead(413).end();
    return true;
  };
  await failsWith('SKEP_REGISTRY', () => push(store, ref, { retry: { attempts: 1 } }), /413/);
});
