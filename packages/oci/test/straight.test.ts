import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { readStraight, straightBody } from '../src/registry/straight.ts';
import { tempDir } from './helpers/temp.ts';

const MIB = 1024 * 1024;
const BODY = randomBytes(9_000_001);

const dir = tempDir({ after });
const cert = join(dir, 'cert.pem');
const key = join(dir, 'key.pem');
const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
execFileSync(
  'openssl',
  ['req', '-x509', ...ec, '-nodes', '-subj', '/CN=test', '-keyout', key, '-out', cert],
  { stdio: 'ignore' },
);

/** Lets a server listen; its port. */
async function listen(t: TestContext, server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Asks over connections that can be read straight, one at a time. */
function asking(t: TestContext, port: number, tls = false): (path: string) => Promise<IncomingMessage> {
  const agent = readStraight(new (tls ? TlsAgent : Agent)({ keepAlive: true, maxSockets: 1 }));
  t.after(() => agent.destroy());
  return async (path) => {
    const options = { host: '127.0.0.1', port, path, agent, rejectUnauthorized: false };
    const [res] = await once((tls ? tlsRequest : request)(options).end(), 'response');
    return res;
  };
}

async function all(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

for (const tls of [false, true])
  test(`a large body comes as it was sent, and the next answer too, ${tls ? 'over TLS' : 'without TLS'}`, async (t) => {
    let connections = 0;
    const answer = (req: IncomingMessage, res: ServerResponse) => {
      if (req.url === '/small') return res.end('small');
      res.writeHead(200, { 'content-length': BODY.length });
      // Its head comes alone, or with a part of it.
      res.flushHeaders();
      return req.url === '/pieces' ? pieces(res) : res.end(BODY);
    };
    const server = tls
      ? createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, answer)
      : createServer(answer);
    server.on(tls ? 'secureConnection' : 'connection', () => connections++);
    const ask = asking(t, await listen(t, server), tls);
    assert.equal((await all(await ask('/small'))).toString(), 'small');
    for (const path of ['/whole', '/pieces']) {
      const res = await ask(path);
      const body = straightBody(res);
      assert.ok(body, 'not taken over');
      assert.ok((await all(body)).equals(BODY));
      res.destroy();
      assert.equal((await all(await ask('/small'))).toString(), 'small');
    }
    assert.equal(connections, 3, 'one that was taken over cannot be used again; the others are');
  });

async function pieces(res: ServerResponse): Promise<void> {
  for (let at = 0, size = 1; at < BODY.length; at += size, size = Math.min(size * 3, 700_001)) {
    if (!res.write(BODY.subarray(at, at + size))) await once(res, 'drain');
    await setImmediate();
  }
  res.end();
}

test('what is only lent is the same memory again and again, and what is not stays as it is', async (t) => {
  const server = createServer((_req, res) => {
    res.writeHead(200, { 'content-length': BODY.length });
    res.end(BODY);
  });
  const ask = asking(t, await listen(t, server));
  for (const lent of [true, false]) {
    const res = await ask('/');
    const memory = new Set<ArrayBufferLike>();
    const kept: Uint8Array[] = [];
    let before: Uint8Array | undefined;
    for await (const piece of straightBody(res, lent) as AsyncIterable<Uint8Array>) {
      memory.add(piece.buffer);
      // Until the next but one is asked for, it is as it was.
      if (before) kept.push(lent ? Buffer.from(before) : before);
      before = piece;
    }
    if (before) kept.push(before);
    assert.ok(Buffer.concat(kept).equals(BODY));
    if (lent) assert.ok(memory.size <= 5, `${memory.size} buffers for ${kept.length} pieces`);
    res.destroy();
  }
});

test('what comes behind the body is not taken for it', async (t) => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined); // it is hung up on
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length - 7}\r\n\r\n`);
    socket.write(BODY);
  });
  const res = await asking(t, await listen(t, server))('/');
  assert.ok((await all(straightBody(res) as AsyncIterable<Uint8Array>)).equals(BODY.subarray(0, -7)));
  res.destroy();
});

test('a body that is small, in chunks, or of no known length is left to the HTTP client', async (t) => {
  const server = createServer((req, res) => {
    if (req.url === '/chunked') return res.write(BODY.subarray(0, 1000)) && res.end(BODY.subarray(1000));
    if (req.url === '/small') return res.end(BODY.subarray(0, 1000));
    res.socket?.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
    return res.socket?.end(BODY);
  });
  const ask = asking(t, await listen(t, server));
  for (const [path, length] of [
    ['/chunked', BODY.length],
    ['/small', 1000],
    ['/closed', BODY.length],
  ] as const) {
    const res = await ask(path);
    assert.equal(straightBody(res), undefined, path);
    assert.ok((await all(res)).equals(BODY.subarray(0, length)), path);
  }
});

test('a connection that breaks ends the body with an error, behind all that had come', async (t) => {
  const server = createServer((_req, res) => {
    res.writeHead(200, { 'content-length': BODY.length });
    res.write(BODY.subarray(0, 5_000_000), () => res.destroy());
  });
  const res = await asking(t, await listen(t, server))('/');
  let bytes = 0;
  const reading = async () => {
    for await (const piece of straightBody(res) as AsyncIterable<Uint8Array>) bytes += piece.length;
  };
  await assert.rejects(reading, /aborted|closed|ECONNRESET/);
  assert.ok(bytes > 0 && bytes <= 5_000_000, `${bytes} bytes`);
});

test('of what nobody reads yet, no more is taken from the connection than a few MiB', async (t) => {
  const server = createServer((_req, res) => {
    res.writeHead(200, { 'content-length': 20 * BODY.length });
    for (let n = 0; n < 20; n++) res.write(BODY);
    res.end();
  });
  const res = await asking(t, await listen(t, server))('/');
  const { socket } = res;
  let read = 0;
  let most = 0;
  for await (const piece of straightBody(res) as AsyncIterable<Uint8Array>) {
    read += piece.length;
    for (let n = 0; n < 10; n++) await setImmediate();
    most = Math.max(most, socket.bytesRead - read);
  }
  assert.equal(read, 20 * BODY.length);
  assert.ok(most > 0 && most <= 4 * MIB, `${most} bytes`);
  res.destroy();
});
