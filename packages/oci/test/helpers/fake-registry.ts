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
  /** With `apart`: what each repository has. */
  repositories: Map<string, Set<string>>;
  /** Scopes that tokens were asked for. */
  scopes: string[];
  /** Requests whose path has this in it. */
  count(method: string, part: string): number;
  close(): Promise<void>;
}

export interface FakeOptions {
  tls?: { cert: string; key: string };
  /** Answers the Referrers API and says OCI-Subject; without it, 404 as registries of before OCI 1.1. */
  referrers?: boolean;
  /** Blobs and manifests are seen only in the repository they came to, and can be mounted from another. */
  apart?: boolean;
  /** Tags and referrers come in pages of so many. */
  pageSize?: number;
  /** Chunks of an upload but the last must have at least so many bytes, and a PUT must bring no content. */
  chunk?: number;
  /** Bearer tokens, from a token server of its own; each is good for the scopes it was asked for. */
  token?: { user: string; password: string };
  /** Answers DELETE of a tag with 405, as registries of before OCI 1.1. */
  keepTags?: boolean;
  /** A manifest that is deleted by its digest leaves its tags, and what they lead to, as go-containerregistry's. */
  tagsStay?: boolean;
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
    if (opts.token !== undefined && !authorized(fake, opts.token, seen, res)) return;
    answer(fake, opts, uploads, seen, req, res);
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
    repositories: new Map(),
    scopes: [],
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

/** A token is the scopes it is good for, in base64. @returns false when the request has been answered */
function authorized(
  fake: FakeRegistry,
  { user, password }: { user: string; password: string },
  seen: Seen,
  res: ServerResponse,
): boolean {
  const url = new URL(seen.path, 'http://x');
  if (url.pathname === '/token') {
    if (seen.authorization !== `Basic ${btoa(`${user}:${password}`)}`) {
      res.writeHead(401).end();
    } else {
      const scopes = url.searchParams.getAll('scope');
      fake.scopes.push(...scopes);
      res.writeHead(200).end(JSON.stringify({ token: btoa(scopes.join(' ')) }));
    }
    return false;
  }
  const name = /^\/v2\/(.+)\/(?:blobs|manifests|tags|referrers)\//.exec(url.pathname)?.[1] ?? '';
  const action = seen.method === 'DELETE' ? 'delete' : /^(?:GET|HEAD)$/.test(seen.method) ? 'pull' : 'push';
  const granted = atob(seen.authorization?.replace('Bearer ', '') ?? '').split(' ');
  const from = url.searchParams.get('from');
  const may = (repository: string, what: string) =>
    granted.some(
      (g) => g.startsWith(`repository:${repository}:`) && g.split(':')[2]?.split(',').includes(what),
    );
  if (may(name, action) && (from === null || may(from, 'pull'))) return true;
  const challenge = `Bearer realm="http://${fake.host}/token",service="fake"`;
  res.writeHead(401, { 'www-authenticate': challenge }).end();
  return false;
}

function answer(
  fake: FakeRegistry,
  opts: FakeOptions,
  uploads: Map<string, Buffer>,
  seen: Seen,
  req: IncomingMessage,
  res: ServerResponse,
) {
  const url = new URL(seen.path, 'http://x');
  const listed = /^\/v2\/(.+)\/(tags\/list|referrers\/(.+))$/.exec(url.pathname);
  if (listed !== null && (listed[3] === undefined || opts.referrers === true))
    return answerList(fake, opts, listed[1] ?? '', listed[3], url, res);
  const m = /^\/v2\/(.+)\/(blobs|manifests)\/(uploads\/)?(.*)$/.exec(url.pathname);
  if (m === null) return res.writeHead(url.pathname === '/v2/' ? 200 : 404).end('{}');
  const [, name = '', kind, upload, id = ''] = m;
  const has = fake.repositories.get(name) ?? new Set();
  fake.repositories.set(name, has);
  const mount = seen.method === 'POST' ? url.searchParams.get('mount') : null;
  if (mount !== null && fake.repositories.get(url.searchParams.get('from') ?? '')?.has(mount) === true) {
    has.add(mount);
    return res.writeHead(201, { location: `/v2/${name}/blobs/${mount}` }).end();
  }
  if (upload !== undefined) return answerUpload(fake, opts, uploads, seen, url, name, id, req, res);
  const key = kind === 'manifests' && !id.includes(':') ? `${name}:${id}` : id;
  if (seen.method === 'PUT') {
    const digest = digestOf(seen.body);
    const entry = { bytes: seen.body, type: req.headers['content-type'] ?? '' };
    fake.content.set(key, entry).set(digest, entry);
    has.add(key).add(digest);
    const subject = (JSON.parse(seen.body.toString()) as { subject?: { digest: string } }).subject?.digest;
    const told = opts.referrers === true && subject !== undefined ? { 'oci-subject': subject } : {};
    return res.writeHead(201, { 'docker-content-digest': digest, ...told }).end();
  }
  const found = opts.apart === true && !has.has(key) ? undefined : fake.content.get(key);
  if (found === undefined) {
    return res
      .writeHead(404)
      .end(JSON.stringify({ errors: [{ code: 'NOT_FOUND', message: 'no\u001b[31m such thing' }] }));
  }
  if (seen.method === 'DELETE') {
    if (opts.keepTags === true && key !== id) return res.writeHead(405).end();
    fake.content.delete(key);
    // A manifest takes its tags along.
    if (opts.tagsStay !== true)
      for (const [other, entry] of fake.content)
        if (entry.bytes.equals(found.bytes) && key === id) fake.content.delete(other);
    return res.writeHead(202).end();
  }
  const start = Number(/^bytes=(\d+)-$/.exec(seen.range ?? '')?.[1] ?? 0);
  const body = found.bytes.subarray(start);
  const headers: Record<string, string | number> = {
    'content-type': found.type,
    'content-length': body.length,
  };
  if (kind === 'manifests') headers['docker-content-digest'] = digestOf(found.bytes);
  if (start > 0) headers['content-range'] = `bytes ${start}-${found.bytes.length - 1}/${found.bytes.length}`;
  res.writeHead(start > 0 ? 206 : 200, headers).end(seen.method === 'HEAD' ? undefined : body);
}

function answerList(
  fake: FakeRegistry,
  opts: FakeOptions,
  name: string,
  subject: string | undefined,
  url: URL,
  res: ServerResponse,
) {
  const all = subject === undefined ? tagsOf(fake, name) : referrersOf(fake, name, subject);
  const from = Number(url.searchParams.get('last') ?? 0);
  const end = from + (opts.pageSize ?? all.length);
  const next = `${url.pathname}?last=${end}`;
  const headers = end < all.length ? { link: `<http://wrong.invalid${next}>; rel="next"` } : {};
  const page = all.slice(from, end);
  const type = 'application/vnd.oci.image.index.v1+json';
  const body =
    subject === undefined ? { name, tags: page } : { schemaVersion: 2, mediaType: type, manifests: page };
  res.writeHead(200, { ...headers, 'content-type': subject === undefined ? 'application/json' : type });
  res.end(JSON.stringify(body));
}

function tagsOf(fake: FakeRegistry, name: string): string[] {
  const prefix = `${name}:`;
  return [...fake.content.keys()].filter((k) => k.startsWith(prefix)).map((k) => k.slice(prefix.length));
}

function referrersOf(fake: FakeRegistry, name: string, subject: string): unknown[] {
  const found: unknown[] = [];
  for (const [digest, { bytes, type }] of fake.content) {
    if (!type.includes('manifest') || !fake.repositories.get(name)?.has(digest) || !/^sha\d+:/.test(digest))
      continue;
    const m = JSON.parse(bytes.toString()) as Record<string, unknown> & { config?: { mediaType: string } };
    if ((m.subject as { digest?: string } | undefined)?.digest !== subject) continue;
    const artifactType = m.artifactType ?? m.config?.mediaType;
    found.push({ mediaType: type, digest, size: bytes.length, artifactType, annotations: m.annotations });
  }
  return found;
}

function answerUpload(
  fake: FakeRegistry,
  opts: FakeOptions,
  uploads: Map<string, Buffer>,
  seen: Seen,
  url: URL,
  name: string,
  id: string,
  req: IncomingMessage,
  res: ServerResponse,
) {
  const base = `/v2/${name}/blobs/uploads/`;
  if (seen.method === 'POST') {
    const fresh = `u${uploads.size}`;
    uploads.set(fresh, Buffer.alloc(0));
    const asked = opts.chunk === undefined ? {} : { 'oci-chunk-min-length': opts.chunk };
    return res.writeHead(202, { location: `${base}${fresh}?state=a%2Fb`, ...asked }).end();
  }
  const sofar = uploads.get(id);
  if (sofar === undefined) return res.writeHead(404).end();
  const location = `${base}${id}?state=a%2Fb`;
  if (seen.method === 'GET')
    return res.writeHead(204, { location, range: `0-${Math.max(0, sofar.length - 1)}` }).end();
  const from = Number(/^(\d+)-/.exec(req.headers['content-range'] ?? '')?.[1] ?? sofar.length);
  if (from !== sofar.length) return res.writeHead(416, { location, range: `0-${sofar.length - 1}` }).end();
  if (opts.chunk !== undefined && seen.method === 'PUT' && seen.body.length > 0)
    return res.writeHead(413).end();
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
  fake.repositories.get(name)?.add(digest);
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
