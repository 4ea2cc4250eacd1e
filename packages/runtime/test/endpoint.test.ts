// /metrics and /healthz as they are served for a run and for the agent, without a kernel.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, Server } from 'node:net';
import { test } from 'node:test';
import { until } from '../../../test/support/until.ts';
import { type Exposition, MetricsEndpoint } from '../src/index.ts';

async function served(
  exposition: Exposition,
  ask: (endpoint: MetricsEndpoint) => Promise<void>,
  more: { ready?: () => boolean; openMetrics?: () => boolean } = {},
): Promise<void> {
  const endpoint = await MetricsEndpoint.listen({
    ...{ port: 0, name: 'test', exposition, ready: () => true, ...more },
  });
  try {
    await ask(endpoint);
  } finally {
    await endpoint.close();
  }
}

async function* text(...parts: string[]): AsyncGenerator<string> {
  yield* parts;
}

const plain = { headers: { 'accept-encoding': 'identity' } };

test('before anything runs neither is well', async () => {
  let attached = false;
  await served(
    () => (attached ? text('a 1\n') : undefined),
    async ({ url }) => {
      for (const path of ['/metrics', '/healthz']) {
        const answer = await fetch(new URL(path, url));
        assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '1'], path);
        await answer.text();
      }
      attached = true;
      assert.equal(await (await fetch(url)).text(), 'a 1\n');
      assert.equal(await (await fetch(new URL('/healthz', url))).text(), 'ok\n');
    },
    { ready: () => attached },
  );
});

test('a short text has its length, a long one comes in pieces, both the same zipped', async () => {
  const line = `${'x'.repeat(999)}\n`;
  for (const [count, length] of [
    [0, '0'],
    [3, '3000'],
    [500, null],
  ] as const)
    await served(
      () => text(...Array.from({ length: count }, () => line)),
      async ({ url }) => {
        const answer = await fetch(url, plain);
        assert.equal(answer.headers.get('content-length'), length);
        assert.equal(await answer.text(), line.repeat(count));
        const zipped = await fetch(url, { headers: { 'accept-encoding': 'gzip' } });
        assert.equal(zipped.headers.get('content-encoding'), 'gzip');
        assert.equal(await zipped.text(), line.repeat(count));
        const head = await fetch(url, { method: 'HEAD', ...plain });
        assert.deepEqual([head.status, await head.text()], [200, '']);
      },
    );
});

test('gzip is for who takes it', async () => {
  for (const [accept, coding] of [
    ['deflate, GZIP;q=0.5', 'gzip'],
    ['identity, gzip;q=0', null],
    ['gzip; q=0.000', null],
    ['gzip;q=0.001', 'gzip'],
    ['not-gzip', null],
  ] as const)
    await served(
      () => text('a 1\n'),
      async ({ url }) => {
        const answer = await fetch(url, { headers: { 'accept-encoding': accept } });
        assert.equal(answer.headers.get('content-encoding'), coding, accept);
        assert.equal(await answer.text(), 'a 1\n');
      },
    );
});

test('a fault before the first piece is said, one behind it ends the connection', async () => {
  async function* faulty(pieces: number): AsyncGenerator<string> {
    for (let i = 0; i < pieces; i++) yield 'x'.repeat(70_000);
    throw new Error('the map is gone');
  }
  await served(
    () => faulty(0),
    async ({ url }) => {
      const answer = await fetch(url);
      assert.equal(answer.status, 500);
      assert.equal(await answer.text(), 'The counts cannot be read: the map is gone\n');
    },
  );
  await served(
    () => faulty(3),
    async ({ url }) => {
      const answer = await fetch(url, plain);
      assert.equal(answer.status, 200);
      await assert.rejects(answer.text());
    },
  );
});

test('who asks and does not read holds up forty answers at most, and nobody once it hangs up', async () => {
  let ends = false;
  // More than any buffer on the way holds.
  async function* endless(): AsyncGenerator<string> {
    while (!ends) yield 'x'.repeat(9_999);
  }
  await served(
    () => (ends ? text('a 1\n') : endless()),
    async ({ url, port }) => {
      const stuck = Array.from({ length: 40 }, () => connect(port, '127.0.0.1'));
      for (const socket of stuck) {
        socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
        await once(socket, 'readable');
      }
      const answer = await fetch(url, plain);
      assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '1']);
      assert.equal(await answer.text(), '40 are answered already.\n');
      assert.equal((await fetch(new URL('/healthz', url))).status, 200);
      ends = true;
      for (const socket of stuck) socket.destroy();
      const all = await until(
        async () => (await fetch(url, plain)).text(),
        (got) => !got.includes('answered'),
      );
      assert.equal(all, 'a 1\n');
    },
  );
});

test('who connects and asks nothing takes the room of 512 connections at most', async () => {
  await served(
    () => text('a 1\n'),
    async ({ port, url }) => {
      const { promise: refused, resolve } = Promise.withResolvers<void>();
      let closed = 0;
      const idle = Array.from({ length: 520 }, () =>
        connect(port, '127.0.0.1')
          .on('error', () => undefined)
          .on('close', () => ++closed === 8 && resolve())
          .resume(),
      );
      await refused;
      for (const socket of idle) socket.destroy();
      await until(
        () => fetch(url).then((answer) => answer.text(), String),
        (answer) => answer === 'a 1\n',
      );
    },
  );
});

test('OpenMetrics is had by who asks for it, where it may be', async () => {
  const accept = { headers: { accept: 'application/openmetrics-text' } };
  for (const openMetrics of [true, false])
    await served(
      (open) => text(String(open)),
      async ({ url }) => {
        const answer = await fetch(url, accept);
        assert.equal(await answer.text(), String(openMetrics));
        const type = openMetrics
          ? 'application/openmetrics-text; version=1.0.0'
          : 'text/plain; version=0.0.4';
        assert.equal(answer.headers.get('content-type'), `${type}; charset=utf-8`);
      },
      { openMetrics: () => openMetrics },
    );
});

test('an address that is taken, or is not ours, is refused with the way out', async () => {
  await served(
    () => undefined,
    async ({ port }) => {
      await assert.rejects(
        served(
          () => undefined,
          async () => undefined,
          { port } as never,
        ),
        {
          code: 'SKEP_PORT_IN_USE',
          message: `127.0.0.1:${port} is taken by another program`,
        },
      );
    },
  );
  await assert.rejects(
    MetricsEndpoint.listen({
      host: '192.0.2.1',
      port: 0,
      name: 'x',
      exposition: () => undefined,
      ready: () => true,
    }),
    { code: 'SKEP_LISTEN' },
  );
});

test('every interface of a machine without IPv6 is every interface of IPv4', async (t) => {
  const { listen } = Server.prototype;
  t.mock.method(Server.prototype, 'listen', function (this: Server, at: { host: string }, then: () => void) {
    if (!at.host.includes(':')) return listen.call(this, at, then);
    const fault = Object.assign(new Error('listen EAFNOSUPPORT'), { code: 'EAFNOSUPPORT' });
    setImmediate(() => this.emit('error', fault));
    return this;
  });
  const options = { port: 0, name: 'test', exposition: () => text('a 1\n'), ready: () => true };
  const endpoint = await MetricsEndpoint.listen({ ...options, host: '::' });
  try {
    assert.match(endpoint.url, /^http:\/\/0\.0\.0\.0:\d+\/metrics$/);
    assert.equal(await (await fetch(endpoint.url)).text(), 'a 1\n');
  } finally {
    await endpoint.close();
  }
  // Who names an address of IPv6 wants that one.
  await assert.rejects(MetricsEndpoint.listen({ ...options, host: '::1' }), { code: 'SKEP_LISTEN' });
});
