import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { OciError, printable } from '../errors.ts';
import { type BlobSource, header, type Registry, SMALL_BYTES } from './registry.ts';

// Registries that want chunks name a least size; this much at a time keeps requests few and memory small.
const CHUNK_BYTES = 8 * 1024 * 1024;
const MAX_CHUNK_BYTES = 1024 * 1024 * 1024;
const BYTES = { 'content-type': 'application/octet-stream' };

/** An upload that a registry has begun: where it goes on, and what it asks for. */
interface Upload {
  location: URL;
  /** Bytes that the registry has. */
  offset: number;
  /** The least size of a chunk (OCI-Chunk-Min-Length), where the registry asks for chunks. */
  chunk?: number;
}

/** See {@link Registry.putBlob}. */
export async function upload(
  registry: Registry,
  repository: string,
  source: BlobSource,
  onBytes: (done: number) => void,
  begun?: URL,
): Promise<void> {
  const { size } = source.descriptor;
  let current: Upload | undefined = begun && { location: begun, offset: 0 };
  let asked = false;
  let inChunks = false;
  for (let failures = 0; ; ) {
    try {
      if (asked && current !== undefined) current = await uploaded(registry, repository, current);
      if (current === undefined || current.offset > size) current = await start(registry, repository);
      if (inChunks) current.chunk ??= CHUNK_BYTES;
      asked = true;
      await finish(registry, repository, source, current, onBytes);
      return;
    } catch (e) {
      // 413: one request may not carry so much. Chunks may do.
      if (e instanceof TooLarge && !inChunks) {
        inChunks = true;
        current = undefined;
        continue;
      }
      failures++;
      await registry.retry.pauseAfter(e instanceof TooLarge ? e.error : e, failures);
    }
  }
}

/** A registry, or a proxy before it, that refuses a request for its size. */
class TooLarge extends Error {
  readonly error: OciError;
  constructor(error: OciError) {
    super(error.message);
    this.error = error;
  }
}

async function start(registry: Registry, repository: string): Promise<Upload> {
  const res = await registry.request(repository, 'blobs/uploads/', {
    method: 'POST',
    headers: { 'content-length': '0' },
    actions: 'pull,push',
    expect: [202],
    what: `push to ${repository}`,
    retry: false,
  });
  res.resume();
  return begin(registry, res);
}

/** What an answer 202 to POST says of the upload that it begins. */
function begin(registry: Registry, res: IncomingMessage): Upload {
  const least = Number(header(res, 'oci-chunk-min-length') ?? 0);
  const chunk = Number.isSafeInteger(least) && least > 0 ? Math.min(least, MAX_CHUNK_BYTES) : undefined;
  return { location: locationOf(registry, res), offset: 0, chunk };
}

/** How far an upload got; undefined when the registry has forgotten it. */
async function uploaded(
  registry: Registry,
  repository: string,
  { location, chunk }: Upload,
): Promise<Upload | undefined> {
  const res = await registry.request(repository, location, {
    method: 'GET',
    actions: 'pull,push',
    expect: [204, 400, 404, 405, 416],
    what: `push to ${repository}`,
    retry: false,
  });
  res.resume();
  const range = /^(?:bytes=)?0-(\d+)$/.exec(header(res, 'range') ?? '');
  if (res.statusCode !== 204 || range === null) return undefined;
  // "0-0" is one byte or none: registries differ. Sending everything again is right in both cases.
  const last = Number(range[1]);
  return last === 0 ? undefined : { location: locationOf(registry, res), offset: last + 1, chunk };
}

async function finish(
  registry: Registry,
  repository: string,
  source: BlobSource,
  { location, offset, chunk }: Upload,
  onBytes: (done: number) => void,
): Promise<void> {
  const { size, digest } = source.descriptor;
  const what = `push blob ${digest} to ${repository}`;
  const common = { what, retry: false, actions: 'pull,push' } as const;
  const small = size <= SMALL_BYTES ? await source.read() : undefined;
  const body = (from: number, to: number) =>
    small?.subarray(from, to) ?? (() => ({ stream: counted(source, from, to, onBytes), length: to - from }));
  let target = location;
  let at = offset;
  // All at once where nothing speaks against it: one request less, and what most registries are good at.
  if (at > 0 || chunk !== undefined) {
    const step = chunk === undefined ? size : Math.max(chunk, CHUNK_BYTES);
    while (at < size) {
      const end = Math.min(size, at + step);
      const headers = { ...BYTES, 'content-range': `${at}-${end - 1}` };
      const call = { ...common, method: 'PATCH', headers, body: body(at, end), expect: [202] };
      const res = await registry.request(repository, target, call);
      res.resume();
      target = locationOf(registry, res);
      at = end;
      onBytes(at);
    }
  }
  const url = new URL(target);
  url.searchParams.set('digest', digest);
  const rest = at < size ? body(at, size) : undefined;
  const headers = rest === undefined ? { 'content-length': '0' } : BYTES;
  const expect = rest === undefined ? [201, 204] : [201, 204, 413];
  const res = await registry.request(repository, url, {
    ...common,
    method: 'PUT',
    headers,
    body: rest,
    expect,
  });
  res.resume();
  if (res.statusCode === 413) {
    throw new TooLarge(
      new OciError('SKEP_REGISTRY', `${registry.host} takes no blob of ${size} bytes (413).`, {
        hint: 'Ask who runs the registry, or the proxy before it, to raise its limit.',
      }),
    );
  }
  onBytes(size);
}

/** A part of the content; it must not be longer than announced, or it would run into the next request. */
function counted(source: BlobSource, from: number, to: number, onBytes: (done: number) => void): Readable {
  const part = async function* () {
    let at = from;
    for await (const chunk of source.open(from)) {
      const fresh = chunk.subarray(0, to - at);
      at += fresh.length;
      onBytes(at);
      yield fresh;
      if (at === to) return;
    }
    throw new OciError('SKEP_DIGEST_MISMATCH', `The content of ${source.descriptor.digest} ends too early.`, {
      hint: 'Try again; if it stays so, its source is damaged.',
    });
  };
  return Readable.from(part(), { objectMode: false, highWaterMark: SMALL_BYTES });
}

/**
 * Asks for a blob of another repository of the same registry, instead of sending it.
 *
 * @returns whether it is there now, else where an upload may go on (if the registry has begun one)
 */
export async function mount(
  registry: Registry,
  from: string,
  to: string,
  digest: string,
): Promise<{ mounted: boolean; location?: URL }> {
  const query = `mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`;
  try {
    const res = await registry.request(to, `blobs/uploads/?${query}`, {
      method: 'POST',
      headers: { 'content-length': '0' },
      actions: 'pull,push',
      alsoPull: from,
      expect: [201, 202],
      what: `push to ${to}`,
    });
    res.resume();
    if (res.statusCode === 201) return { mounted: true };
    const { location, chunk } = begin(registry, res);
    return chunk === undefined ? { mounted: false, location } : { mounted: false };
  } catch (e) {
    // Some refuse instead of beginning an upload. Whether we may push shows when we do.
    const expected = ['SKEP_FORBIDDEN', 'SKEP_UNAUTHORIZED', 'SKEP_NOT_FOUND'];
    if (e instanceof OciError && expected.includes(e.code)) return { mounted: false };
    throw e;
  }
}

function locationOf(registry: Registry, res: IncomingMessage): URL {
  const location = header(res, 'location');
  if (location !== undefined) return registry.resolve(location);
  throw new OciError(
    'SKEP_REGISTRY',
    `${printable(registry.host)} accepts an upload, but does not say where.`,
    {
      hint: 'Check that the address is that of a registry.',
    },
  );
}
