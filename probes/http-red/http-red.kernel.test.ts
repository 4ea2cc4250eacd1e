/** Requests sent are requests counted, whichever system calls, socket and rung they come by. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nativeFixture } from '../../test/support/fixtures.ts';
import { runIn, runWith, testCgroup } from '../support/cgroup.ts';
import { rungsOf } from '../support/judged.ts';
import { skip } from '../support/skip.ts';
import { type Watched, watch } from '../support/watch.ts';
import {
  calls,
  closed,
  cuts,
  early,
  foreign,
  GET,
  inFull,
  late,
  names,
  OK,
  past,
  program,
  reset,
  type Talk,
  unloadable,
  unnumbered,
  words,
} from './cases.ts';
import { Lost, lostFor } from './counted.ts';

const waiting = fileURLToPath(new URL('../../test/support/waiting.pl', import.meta.url));
/** More than there are processors, and than a preemptible kernel sees return at a time by a kretprobe. */
const WAITING = 24;

/** Runs each of them in a process of its own; the counts by process and role. */
async function talks(
  list: readonly Talk[],
  hooks: Record<string, string> = {},
): Promise<{ watched: Watched; counted: Record<string, number>[] }> {
  using cgroup = testCgroup();
  const pids: number[] = [];
  const watched = await watch(
    'http-red',
    { target_cgroup: cgroup.path },
    async () => {
      const said = await runWith(cgroup, list.map(words).join(''), program);
      pids.push(
        ...said
          .trim()
          .split('\n')
          .map((line) => Number(line.split(' ')[0])),
      );
      strictEqual(pids.length, list.length, said);
      strictEqual(await runIn(cgroup, 'perl', waiting, `${WAITING}`, '/old', '299'), 'answered\n');
    },
    hooks,
  );
  const counted = pids.map((pid) => {
    const sums: Record<string, number> = {};
    for (const { labels, value } of watched.series('hist_http_requests')) {
      if (Number(labels.service) !== pid + 2 ** 31) continue;
      const error = labels.error === 'HTTP_NO_ERROR' ? '' : ` ${labels.error}`;
      const name = `${labels.role} ${labels.method} ${labels.status}${error}`;
      sums[name] = (sums[name] ?? 0) + value;
    }
    return sums;
  });
  return { watched, counted };
}

/** Compares by what was said, so that a difference names it. */
function same(list: readonly Talk[], counted: readonly object[], wanted: readonly object[]): void {
  const named = (results: readonly object[]) =>
    Object.fromEntries(results.map((r, i) => [`${i}: ${JSON.stringify(list[i]).slice(0, 90)}`, r]));
  deepStrictEqual(named(counted), named(wanted));
}

const rungs = await rungsOf('http-red', 'traffic');
const better = (rung: string) => rungs.includes(`${rung}_sendpage`);

/** To load a rung takes an emulated machine half a minute: the one that its kernel takes, unless all are asked for. */
const short = process.env.SKEP_GUEST !== undefined && process.env.SKEP_LONG !== '1';
const again = short && 'it would be loaded once more; SKEP_LONG=1 runs it';
let taken = false;

for (const rung of rungs) {
  test(`${rung}: HTTP/1 in full, by every call, on every kind of socket, cut at any byte`, {
    skip: skip || (process.env.SKEP_LONG !== '1' && better(rung) && 'a part of the rung before'),
  }, async (t) => {
    if (short && taken) return t.skip('not the rung that this kernel takes; SKEP_LONG=1 runs it');
    // Without the functions that sendfile has here, what it sends over a Unix socket or kernel TLS is seen by nothing.
    const seen = past.filter(([talk]) => !(better(rung) && talk.family === 'unix'));
    const refused = early.filter(([talk]) => rung !== 'syscalls' || talk.family !== 'unix');
    const others = unnumbered.filter(([t]) => !(better(rung) && t.family === 'ktls4' && t.send === 'body'));
    const cases = [
      ...calls,
      ...cuts,
      ...inFull,
      ...names,
      ...seen,
      ...others,
      ...late,
      ...refused,
      ...foreign,
    ];
    const list = [...cases.map(([talk]) => talk), ...reset, ...closed];
    t.diagnostic(
      `of other streams: ${[...new Set(unnumbered.map(([talk]) => talk.family))].join(', ') || 'none'}`,
    );
    const found = await talks(list, { traffic: rung }).catch((error: { code?: string }) => {
      if (unloadable(rung) && error.code?.startsWith('SKEP_')) return undefined;
      throw error;
    });
    ok(!(found && unloadable(rung)), 'it loaded after all: the ladder is out of date');
    if (!found) return t.skip('this kernel takes the next rung');
    taken = true;
    const { counted, watched } = found;
    same(
      list,
      counted.slice(0, cases.length),
      cases.map(([, want]) => want),
    );
    for (const c of counted.slice(cases.length, -closed.length)) {
      strictEqual(c['HTTP_SERVER HTTP_GET 0 HTTP_RESET'], 1, JSON.stringify(c));
      const client = Object.entries(c).filter(([name]) => name.startsWith('HTTP_CLIENT HTTP_GET 0 '));
      deepStrictEqual(
        client.map(([, n]) => n),
        [1],
        JSON.stringify(c),
      );
    }
    if (rung !== 'syscalls')
      for (const c of counted.slice(-closed.length))
        for (const end of ['SERVER', 'CLIENT'])
          strictEqual(c[`HTTP_${end} HTTP_GET 0 HTTP_CLOSED`], 1, JSON.stringify(c));
    // Of those that wait at once, only kprobes lose some, which the kernel counts.
    if (!rung.startsWith('kprobe'))
      for (const end of ['SERVER', 'CLIENT']) {
        const waited = watched
          .series('hist_http_requests')
          .filter(({ labels }) => labels.role === `HTTP_${end}` && `${labels.status}` === '299');
        strictEqual(
          waited.reduce((sum, { value }) => sum + value, 0),
          WAITING,
          end,
        );
      }
    // Both ends are on this machine, also when a connection's only request is counted as it ends. Of a server that had read
    // nothing yet when its client left, that knows the address; so does the client of one whose calls a kprobe lost.
    for (const { labels } of watched.series('hist_http_requests'))
      if (
        (labels.role === 'HTTP_SERVER' || labels.error === 'HTTP_NO_ERROR') &&
        !(rung.startsWith('kprobe') && `${labels.status}` === '299')
      )
        strictEqual(BigInt(`${labels.peer}`) >> 56n, 1n, Object.values(labels).join(' '));
    // Each path once a process, whole wherever it was cut, without its query, and none of other protocols.
    const texts = new Set(watched.records('print_http_paths').map((p) => String(p.text).slice(0, 20)));
    const known = ['/users/42', '/up', '/', '/xxxxxxxxxxxxxxxxxxx', 'http://proxied.examp', '*', '/old'];
    deepStrictEqual([...texts].sort(), known.sort());
  });
}

const without32 = process.arch === 'x64' ? skip : 'no program of 32 bits runs here';

test('a program of 32 bits, by each of its ways to send and receive', {
  skip: without32 || again,
}, async () => {
  const compat = await nativeFixture(new URL('../../test/support/compat32.native.c', import.meta.url));
  using cgroup = testCgroup();
  const watched = await watch('http-red', { target_cgroup: cgroup.path }, async () => {
    ok(Number(await runIn(cgroup, compat)) > 0, 'it ran to its end');
  });
  const counted = watched
    .series('hist_http_requests')
    .map(({ labels: l, value }) => `${l.role} ${l.status} ${value}`);
  deepStrictEqual(counted.sort(), ['HTTP_CLIENT 200 7', 'HTTP_SERVER 200 7']);
});

test('of pipelines deeper than is remembered each request is counted or lost', {
  skip: skip || again,
}, async () => {
  // 300 at a time, so that no call has more than are looked at; half of them are forgotten before they are answered.
  const count = 12_000;
  const [request, response] = ['GET / HTTP/1.1\r\n\r\n', 'HTTP/1.1 204 X\r\n\r\n'];
  using cgroup = testCgroup();
  let lost = 0;
  const talk = { family: 'tcp4', count: 1, piece: 300 * request.length };
  const watched = await watch(
    'http-red',
    { target_cgroup: cgroup.path },
    async () =>
      void (await runWith(
        cgroup,
        words({ ...talk, request: request.repeat(count), response: response.repeat(count) }),
        program,
      )),
    {},
    (run) => {
      lost = lostFor(run, Lost.deep);
    },
  );
  const counted = watched.series('hist_http_requests').reduce((sum, { value }) => sum + value, 0);
  ok(lost > 0, 'some were forgotten');
  strictEqual(counted + lost, 2 * count, `${counted} counted, ${lost} lost`);
});

/** Both ends of a connection, in this process. */
async function connected(server: Server): Promise<[client: Socket, server: Socket]> {
  const accepted = once(server, 'connection');
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).setNoDelay();
  const [other] = (await accepted) as [Socket];
  for (const socket of [client, other]) socket.on('error', () => undefined);
  return [client, other.setNoDelay()];
}

/** One message, and everything of it has arrived. */
async function passed(from: Socket, to: Socket, text: string): Promise<void> {
  from.write(text);
  for (let left = text.length; left > 0; ) {
    const bytes: Buffer | null = to.read();
    if (bytes) left -= bytes.length;
    else await once(to, 'readable');
  }
}

test('bodies under way at the start cost no later request, nor does a client that leaves; an end is no byte of a body', {
  skip: skip || again,
}, async (t) => {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const up = await connected(server);
  const down = await connected(server);
  const end = await connected(server);
  const left = await connected(server);
  const idle = await connected(server);
  const fresh = await connected(server);
  const head = await connected(server);
  let garbled = 0;
  t.after(() => {
    for (const socket of [...up, ...down, ...end, ...left, ...idle, ...fresh, ...head]) socket.destroy();
    server.close();
  });
  const half = 'x'.repeat(1000);
  await passed(...up, `PUT /up HTTP/1.1\r\nContent-Length: 2000\r\n\r\n${half}`);
  await passed(...down, GET);
  await passed(down[1], down[0], `HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n${half}`);
  const watched = await watch(
    'http-red',
    { target_pid: [`${process.pid}`] },
    async () => {
      for (let i = 0; i < 10; i++) {
        await passed(...up, half.slice(0, 100));
        await passed(down[1], down[0], half.slice(0, 100));
      }
      await passed(up[1], up[0], OK);
      for (const [client, serving] of [up, down, up, down]) {
        await passed(client, serving, GET);
        await passed(serving, client, OK);
      }
      await passed(...end, 'GET /old HTTP/1.0\r\n\r\n');
      const ended = once(end[0], 'end');
      end[1].end('HTTP/1.0 200 OK\r\n\r\nuntil the end');
      end[0].resume();
      await ended;
      const closed = once(end[0], 'close');
      end[0].destroy();
      await closed;
      // A body where there should be none, as some servers have for HEAD.
      await passed(...head, 'HEAD /users/42 HTTP/1.1\r\n\r\n');
      await passed(head[1], head[0], OK.slice(0, -5));
      await passed(head[1], head[0], 'hello');
      await passed(...head, GET);
      await passed(head[1], head[0], OK);
      // What it is sent is answered by a reset, within the call that sends it.
      await passed(...left, GET);
      const gone = once(left[0], 'close');
      left[0].destroy();
      await gone;
      await new Promise((written) => left[1].write(OK, written));
      left[1].destroy();
      // The same of a request, the first of its connection or a later one.
      await passed(...idle, GET);
      await passed(idle[1], idle[0], OK);
      for (const [client, serving] of [idle, fresh]) {
        const closed = once(serving, 'close');
        serving.destroy();
        await closed;
        await new Promise((written) => client.write(GET, written));
        client.destroy();
      }
    },
    {},
    (run) => {
      garbled = lostFor(run, Lost.format);
    },
  );
  strictEqual(garbled, 0);
  const sums: Record<string, number> = {};
  for (const { labels, value } of watched.series('hist_http_requests'))
    sums[`${labels.role} ${labels.method} ${labels.status}`] =
      (sums[`${labels.role} ${labels.method} ${labels.status}`] ?? 0) + value;
  deepStrictEqual(sums, {
    'HTTP_SERVER HTTP_GET 200': 8,
    'HTTP_CLIENT HTTP_GET 200': 7,
    'HTTP_SERVER HTTP_HEAD 200': 1,
    'HTTP_CLIENT HTTP_HEAD 200': 1,
    'HTTP_CLIENT HTTP_GET 0': 3,
  });
  const bodies = watched.records('print_http_spans').map((s) => Number(s.response_bytes));
  deepStrictEqual(
    bodies.filter((n) => n > 5),
    ['until the end'.length, 'until the end'.length],
  );
});

test('a body that begins like a message, of a request or a response that is older, costs no later one', {
  skip: skip || again,
}, async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const talks: { method: string; body: string; ends: [client: Socket, server: Socket] }[] = [];
  for (const body of ['hello', '{"a": 1}', 'hello world', 'hello world '.repeat(50_000)])
    for (const method of ['PUT', 'GET']) talks.push({ method, body, ends: await connected(server) });
  t.after(() => {
    for (const { ends } of talks) for (const socket of ends) socket.destroy();
    server.close();
  });
  const length = (body: string) => `Content-Length: ${body.length}\r\n\r\n`;
  for (const { method, body, ends } of talks) {
    await passed(...ends, `${method} /up HTTP/1.1\r\n${method === 'PUT' ? length(body) : '\r\n'}`);
    if (method === 'GET') await passed(ends[1], ends[0], `HTTP/1.1 200 OK\r\n${length(body)}`);
  }
  let garbled = 0;
  const watched = await watch(
    'http-red',
    { target_pid: [`${process.pid}`] },
    async () => {
      for (const { method, body, ends } of talks) {
        const [client, serving] = ends;
        if (method === 'PUT') await passed(client, serving, body);
        await passed(serving, client, method === 'PUT' ? OK : body);
        for (let i = 0; i < 3; i++) {
          await passed(client, serving, GET);
          await passed(serving, client, OK);
        }
      }
    },
    {},
    (run) => {
      garbled = lostFor(run, Lost.format);
    },
  );
  strictEqual(garbled, 0);
  const sums: Record<string, number> = {};
  for (const { labels, value } of watched.series('hist_http_requests')) {
    const name = `${labels.role} ${labels.method} ${labels.status}`;
    sums[name] = (sums[name] ?? 0) + value;
  }
  deepStrictEqual(sums, {
    'HTTP_CLIENT HTTP_GET 200': 3 * talks.length,
    'HTTP_SERVER HTTP_GET 200': 3 * talks.length,
  });
});

test('no byte is read that is not of the message', { skip: skip || again }, async () => {
  const uring = await nativeFixture(new URL('../../test/support/uring.native.c', import.meta.url));
  using cgroup = testCgroup();
  let missed = 0;
  const watched = await watch(
    'http-red',
    { target_cgroup: cgroup.path },
    async () => {
      for (let i = 0; i < 5; i++) {
        const [, , bytes] = (await runIn(cgroup, uring)).split(' ');
        deepStrictEqual(Number(bytes), 39, 'io_uring received the request');
      }
    },
    {},
    (run) => {
      missed = run.stats().missed.reduce((sum, { count }) => sum + count, 0);
    },
  );
  const texts = watched.records('print_http_paths').map((p) => p.text);
  ok(
    texts.every((t) => t === '/true/path'),
    `only what was sent: ${texts.join(', ')}`,
  );
  const clients = watched.series('hist_http_requests').filter(({ labels }) => labels.role === 'HTTP_CLIENT');
  const counted = clients.reduce((sum, { value }) => sum + value, 0);
  // Linux 7.2 preempts programs, and skips them meanwhile for others: on an emulated machine often enough to be seen.
  ok(counted <= 5 && counted + missed >= 5, `${counted} counted, ${missed} runs missed`);
  // The server received by io_uring: its own hook tells where, if there is one.
  const served = watched.series('hist_http_requests').filter(({ labels }) => labels.role === 'HTTP_SERVER');
  const known = served.reduce((sum, { value }) => sum + value, 0);
  const told = (await rungsOf('http-red', 'uring')).length > 0 ? 5 : 0;
  ok(known <= told && known + missed >= told, `${known} counted of ${told} at the server`);
});
