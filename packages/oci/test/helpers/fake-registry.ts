// A registry that misbehaves on demand. It stands in for what Debian's docker-registry will not do: token servers,
// redirects to storage, rate limits, garbage, stalls, connections cut in the middle, wrong content.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

export interface Seen {
  method: string;
  path: string;
  authorization: string | undefined;
  range: string | undefined;
  body: Buffer;
}

/** Answers a request itself (true), or leaves it to the registry (false). */
export type Hook = (req: IncomingMessage, res: ServerResponse, seen: Seen) => boolean | Promise<boolean>;

export interface FakeRegistry {
  host: string;
  seen: Seen[];
  /** Content by digest, and manifests by `NAME:TAG` besides. */
  content: Map<string, { bytes: Buffer; type: string }>;
  hook: Hook | undefined;
  /** Requests whose path has this in it. */
  count(method: string, part: string): number;
  close(): Promise<void>;
}

export interface FakeOptions {
  tls?: { cert: string; key: string };
}

/** Starts one on a free port of the loopback. */
export async function startFake(opts: FakeOptions = {}): Promise<FakeRegistry> {
  const uploads = new Map<string, Buffer>();
  const handle = async (req: IncomingMessage, res: ServerResponse) => {
    const seen: Seen = {
      method: req.method ?? '',
      path: req.url ?? '',
      authorization: req.headers.authorization,
      range: req.headers.range,
      body: Buffer.alloc(0),
    };
    fake.seen.push(seen);
    if ((await fake.hook?.(req, res, seen)) ?? false) return;
    if (seen.body.length === 0) seen.body = await readAll(req);
    answer(fake, uploads, seen, req, res);
  };
  const listener = (req: IncomingMessage, res: ServerResponse) => {
    handle(req, res).catch(() => res.destroy()); // the client went away: its own error is what the test looks at
  };
  const server: Server = opts.tls ? createTlsServer(opts.tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const fake: FakeRegistry = {
    host: `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    seen: [],
    content: new Map(),
    hook: undefined,
    count: (method, part) => fake.seen.filter((s) => s.method === method && s.path.includes(part)).length,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return fake;
}

export async function readAll(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const c of req as AsyncIterable<Buffer>) chunks.push(c);
  return Buffer.concat(chunks);
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function answer(
  fake: FakeRegistry,
  uploads: Map<string, Buffer>,
  seen: Seen,
  req: IncomingMessage,
  res: ServerResponse,
) {
  const url = new URL(seen.path, 'http://x');
  const m = /^\/v2\/(.+)\/(blobs|manifests)\/(uploads\/)?(.*)$/.exec(url.pathname);
  if (m === null) return res.writeHead(url.pathname === '/v2/' ? 200 : 404).end('{}');
  const [, name, kind, upload, id = ''] = m;
  if (upload !== undefined)
    return answerUpload(fake, uploads, seen, url, `/v2/${name}/blobs/uploads/`, id, req, res);
  const key = kind === 'manifests' && !id.includes(':') ? `${name}:${id}` : id;
  if (seen.method === 'PUT') {
    const digest = digestOf(seen.body);
    const entry = { bytes: seen.body, type: req.headers['content-type'] ?? '' };
    fake.content.set(key, entry).set(digest, entry);
    return res.writeHead(201, { 'docker-content-digest': digest }).end();
  }
  const found = fake.content.get(key);
  if (found === undefined) {
    return res
      .writeHead(404)
      .end(JSON.stringify({ errors: [{ code: 'NOT_FOUND', message: 'no\u001b[31m such thing' }] }));
  }
  const start = Number(/^bytes=(\d+)-$/.exec(seen.range ?? '')?.[1] ?? 0);
  const body = found.bytes.subarray(start);
  const headers: Record<string, string | number> = {
    'content-type': found.type,
    'content-length': body.length,
  };
  if (start > 0) headers['content-range'] = `bytes ${start}-${found.bytes.length - 1}/${found.bytes.length}`;
  res.writeHead(start > 0 ? 206 : 200, headers).end(seen.method === 'HEAD' ? undefined : body);
}

function answerUpload(
  fake: FakeRegistry,
  uploads: Map<string, Buffer>,
  seen: Seen,
  url: URL,
  base: string,
  id: string,
  req: IncomingMessage,
  res: ServerResponse,
) {
  if (seen.method === 'POST') {
    const fresh = `u${uploads.size}`;
    uploads.set(fresh, Buffer.alloc(0));
    return res.writeHead(202, { location: `${base}${fresh}?state=a%2Fb` }).end();
  }
  const sofar = uploads.get(id);
  if (sofar === undefined) return res.writeHead(404).end();
  const location = `${base}${id}?state=a%2Fb`;
  if (seen.method === 'GET')
    return res.writeHead(204, { location, range: `0-${Math.max(0, sofar.length - 1)}` }).end();
  const from = Number(/^(\d+)-/.exec(req.headers['content-range'] ?? '')?.[1] ?? sofar.length);
  if (from !== sofar.length) return res.writeHead(416, { location, range: `0-${sofar.length - 1}` }).end();
  const bytes = Buffer.concat([sofar, seen.body]);
  uploads.set(id, bytes);
  if (seen.method === 'PATCH') return res.writeHead(202, { location, range: `0-${bytes.length - 1}` }).end();
  const digest = url.searchParams.get('digest') ?? '';
  if (digestOf(bytes) !== digest) {
    return res
      .writeHead(400)
      .end(JSON.stringify({ errors: [{ code: 'DIGEST_INVALID', message: 'other content' }] }));
  }
  fake.content.set(digest, { bytes, type: 'application/octet-stream' });
  return res.writeHead(201).end();
}

/** Lets a hook of a test keep what an interrupted upload had sent. */
export async function keepPart(seen: Seen, req: IncomingMessage, bytes: number): Promise<void> {
  let n = 0;
  const chunks: Buffer[] = [];
  for await (const c of req as AsyncIterable<Buffer>) {
    chunks.push(c);
    n += c.length;
    if (n >= bytes) break;
  }
  seen.body = Buffer.concat(chunks);
}
