/** Node's own server and client, in this process, to which the probe is narrowed: what they counted is what it counted. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createProxy } from 'node:net';
import { after, before, test } from 'node:test';
import { skip } from '../support/skip.ts';
import { type Row, type Watched, watch } from '../support/watch.ts';

let server: Server;
let port: number;
before(async () => {
  server = createServer((req, res) => {
    req.resume();
    req.on('end', () => {
      const url = new URL(req.url!, 'http://here');
      res.statusCode = Number(url.searchParams.get('status') ?? 200);
      if (url.pathname.startsWith('/hang')) return;
      if (url.pathname.startsWith('/chunks')) {
        res.write('one ');
        res.end('two');
      } else
        res.end(res.statusCode === 204 ? undefined : 'x'.repeat(Number(url.searchParams.get('bytes') ?? 3)));
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

const agent = new Agent({ keepAlive: true, maxSockets: 20 });
after(() => agent.destroy());

interface Ask {
  method?: string;
  path: string;
  body?: string;
  headers?: Record<string, string>;
  abort?: boolean;
}

/** The status, or 0 when it failed. */
function ask({ method = 'GET', path, body, headers, abort }: Ask): Promise<number> {
  return new Promise((resolve) => {
    const req = request({ host: '127.0.0.1', port, method, path, headers, agent }, (res: IncomingMessage) => {
      res.resume();
      res.on('end', () => resolve(res.statusCode!));
    });
    req.on('error', () => resolve(0));
    req.end(body);
    if (abort) server.once('request', () => setImmediate(() => req.destroy()));
  });
}

const own = { target_pid: `${process.pid}` };
const requests = (w: Watched) =>
  w.series('hist_http_requests').filter(({ labels }) => labels.port === port) as {
    labels: Row;
    value: number;
  }[];
const count = (w: Watched, wanted: Row): number =>
  requests(w)
    .filter(({ labels }) => Object.entries(wanted).every(([k, v]) => labels[k] === v))
    .reduce((sum, { value }) => sum + value, 0);

test('connections that are older than the probe are taken up', { skip }, async () => {
  await Promise.all(Array.from({ length: 5 }, () => ask({ path: '/before' })));
  const w = await watch('http-red', own, async () => {
    for (let i = 0; i < 20; i++) strictEqual(await ask({ path: '/after' }), 200);
  });
  strictEqual(count(w, { role: 'HTTP_SERVER', status: 200 }), 20);
  strictEqual(count(w, { role: 'HTTP_CLIENT', status: 200 }), 20);
});

test('sent is counted: two thousand requests of all sorts over twenty connections', { skip }, async () => {
  const sorts: Ask[] = [
    { path: '/users/%?status=200' },
    { path: '/users/%?status=404' },
    { path: '/broken/%?status=500' },
    { path: '/empty?status=204' },
    { path: '/chunks/%' },
    { path: '/big?bytes=70000' },
    { method: 'POST', path: '/orders', body: 'GET / HTTP/1.1\r\n\r\n'.repeat(20) },
    {
      method: 'PUT',
      path: '/orders/%',
      body: 'b'.repeat(50_000),
      headers: { 'transfer-encoding': 'chunked' },
    },
    { method: 'HEAD', path: '/head?bytes=500' },
    { method: 'DELETE', path: '/orders/%?status=204' },
  ];
  const sent: Record<string, number> = {};
  const w = await watch('http-red', own, async () => {
    await Promise.all(
      Array.from({ length: 2000 }, async (_, i) => {
        const sort = sorts[i % sorts.length]!;
        const status = await ask({ ...sort, path: sort.path.replace('%', `${i}`) });
        const name = `HTTP_${sort.method ?? 'GET'} ${status}`;
        sent[name] = (sent[name] ?? 0) + 1;
      }),
    );
  });
  for (const role of ['HTTP_SERVER', 'HTTP_CLIENT']) {
    const seen: Record<string, number> = {};
    for (const { labels, value } of requests(w).filter((s) => s.labels.role === role)) {
      const name = `${labels.method} ${labels.status}`;
      seen[name] = (seen[name] ?? 0) + value;
    }
    deepStrictEqual(seen, sent, role);
  }
  // Numbers in paths are parameters: /users/1 and /users/11 are one fingerprint.
  const texts = w.records('print_http_paths').map((p) => String(p.text));
  const shapes = texts.map((t) => t.replace(/\d+/, '%')).sort();
  deepStrictEqual([...new Set(shapes)], shapes, 'each fingerprint is told once');
  ok(
    texts.every((t) => !t.includes('?')),
    'no query leaves the kernel',
  );
});

test('a request that its client gives up is an error of both', { skip }, async () => {
  const w = await watch('http-red', own, async () => {
    for (let i = 0; i < 3; i++) {
      const closed = new Promise((resolve) => {
        server.once('request', (req) => req.socket.once('close', resolve));
      });
      strictEqual(await ask({ path: '/hang', abort: true }), 0);
      await closed;
    }
  });
  for (const role of ['HTTP_SERVER', 'HTTP_CLIENT']) strictEqual(count(w, { role, status: 0 }), 3, role);
});

test('a span carries the trace context of its request, and no series has more spans than it may', {
  skip,
}, async () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const w = await watch('http-red', { ...own, target_port: `${port}` }, async () => {
    for (let i = 0; i < 50; i++) await ask({ path: '/traced', headers: { TraceParent: traceparent } });
    for (let i = 0; i < 50; i++) await ask({ path: '/failing?status=503' });
  });
  const spans = w.records('print_http_spans');
  const traced = spans.filter((s) => s.status === 200 && s.role === 'HTTP_SERVER');
  ok(traced.length >= 1 && traced.length <= 6, `${traced.length} of 50`);
  for (const s of traced) {
    strictEqual(s.trace_id, '4bf92f3577b34da6a3ce929d0e0e4736');
    strictEqual(s.parent_id, '00f067aa0ba902b7');
    deepStrictEqual([s.traced, s.trace_flags, s.pid, s.method], [true, 1, process.pid, 'HTTP_GET']);
    ok(Number(s.duration) > 0 && Number(s.duration) < 5e9);
  }
  const failed = spans.filter((s) => s.status === 503 && s.role === 'HTTP_SERVER');
  ok(failed.length >= 1 && failed.length <= 12, `${failed.length} of 50`);
  ok(failed.some((s) => s.reason === 'SPAN_ERROR'));
  ok(failed.every((s) => s.trace_id === ''));
  strictEqual(count(w, { role: 'HTTP_SERVER', status: 503 }), 50);
});

test('requests through a SOCKS proxy that asks for a password are counted at both of its sides', {
  skip,
}, async () => {
  // RFC 1928 and 1929: the methods, the password, the connection; each read whole, as each is one write here.
  const answers = [
    [5, 2],
    [1, 0],
    [5, 0, 0, 1, 127, 0, 0, 1, 0, 80],
  ];
  const proxy = createProxy(async (client) => {
    for (const answer of answers) {
      await once(client, 'data');
      client.write(Buffer.from(answer));
    }
    const upstream = connect(port, '127.0.0.1');
    client.pipe(upstream).pipe(client);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const w = await watch('http-red', own, async () => {
    const client = connect((proxy.address() as AddressInfo).port, '127.0.0.1');
    for (const question of [
      [5, 1, 2],
      [1, 1, 97, 1, 98],
      [5, 1, 0, 1, 127, 0, 0, 1, 0, 80],
    ]) {
      client.write(Buffer.from(question));
      await once(client, 'data');
    }
    for (let i = 0; i < 3; i++) {
      const req = request({
        createConnection: () => client,
        path: '/socks',
        headers: { Connection: 'keep-alive' },
      });
      req.end();
      const [res] = (await once(req, 'response')) as [IncomingMessage];
      await once(res.resume(), 'end');
    }
    client.destroy();
  });
  proxy.close();
  const counts = w
    .series('hist_http_requests')
    .map(({ labels, value }) => `${labels.role} ${labels.status} ${value}`);
  const each = ['HTTP_CLIENT 200 3', 'HTTP_SERVER 200 3'];
  deepStrictEqual(counts.sort(), [...each, ...each].sort());
});

test('nothing of a process that nobody asked for', { skip }, async () => {
  const w = await watch('http-red', { target_pid: '1' }, async () => {
    for (let i = 0; i < 5; i++) await ask({ path: '/unasked' });
  });
  deepStrictEqual([w.series('hist_http_requests'), w.records('print_http_paths')], [[], []]);
});

test('nothing of a port that nobody asked for', { skip }, async () => {
  const w = await watch('http-red', { ...own, target_port: '1' }, async () => {
    for (let i = 0; i < 5; i++) await ask({ path: '/unasked' });
  });
  deepStrictEqual([w.series('hist_http_requests'), w.records('print_http_paths')], [[], []]);
});
