import { createReadStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { digestLike, sha256 } from '../digest.ts';
import { OciError, printable } from '../errors.ts';
import { isDigest } from '../reference.ts';
import { type Descriptor, MAX_MANIFEST_BYTES, MEDIA_TYPE } from '../types.ts';
import { Client } from './client.ts';
import { networkError, readBody } from './errors.ts';
import { apiRepository } from './host.ts';
import type { RegistryOptions } from './options.ts';

// Blobs up to this size are sent from memory, in one piece with their head.
const SMALL_BYTES = 256 * 1024;

/** A manifest as it came. */
export interface FetchedManifest {
  bytes: Uint8Array;
  mediaType: string;
  digest: string;
}

/** A blob to send. */
export interface BlobSource {
  descriptor: Descriptor;
  /** File that holds exactly the content. */
  path: string;
  /** All of it at once, checked; used for small blobs. */
  read(): Promise<Uint8Array>;
}

/**
 * A registry, by the OCI distribution specification:
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md. Close it to let its connections go.
 */
export class Registry {
  /** `host` or `host:port`, as people write it. */
  readonly host: string;
  readonly #client: Client;

  constructor(host: string, opts: RegistryOptions = {}) {
    this.host = host;
    this.#client = new Client(host, opts);
  }

  close(): void {
    this.#client.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Asks whether a registry is there and takes our credentials. @throws OciError SKEP_UNAUTHORIZED, … */
  async ping(): Promise<void> {
    const res = await this.#client.call({
      method: 'GET',
      url: '/v2/',
      scope: '',
      expect: [200],
      what: 'log in',
    });
    res.resume();
  }

  /**
   * Fetches a manifest or index by tag or digest; a digest is checked.
   *
   * @throws OciError SKEP_NOT_FOUND, SKEP_DIGEST_MISMATCH, SKEP_REGISTRY, …
   */
  async getManifest(repository: string, reference: string): Promise<FetchedManifest> {
    const what = `pull ${repository}${isDigest(reference) ? '@' : ':'}${reference}`;
    return this.#client.retry.run(async () => {
      const res = await this.#client.call({
        method: 'GET',
        url: this.#url(repository, `manifests/${reference}`),
        headers: { accept: Object.values(MEDIA_TYPE).join(', ') },
        scope: this.#scope(repository, 'pull'),
        expect: [200],
        what,
        retry: false,
      });
      const bytes = await readBody(res, MAX_MANIFEST_BYTES, this.host, `the manifest of ${repository}`);
      const mediaType = (res.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
      if (mediaType === 'text/html' || mediaType === '') {
        throw new OciError(
          'SKEP_REGISTRY',
          `${this.host} answered with ${mediaType || 'something'}, not a manifest.`,
          {
            hint: 'Check that the address is that of a registry, and not of its web page.',
          },
        );
      }
      const announced = header(res, 'docker-content-digest');
      const expected = isDigest(reference)
        ? reference
        : announced !== undefined && isDigest(announced)
          ? announced
          : undefined;
      const digest = expected === undefined ? sha256(bytes) : digestLike(expected, bytes);
      if (expected !== undefined && digest !== expected) {
        throw new OciError(
          'SKEP_DIGEST_MISMATCH',
          `${this.host} sent a manifest for ${repository} that is not ${expected}.`,
          {
            hint: 'Try again; if it stays so, the registry or something before it changes content: do not trust it.',
          },
        );
      }
      return { bytes, mediaType, digest };
    });
  }

  /** Stores a manifest under a tag or its digest. Its blobs must be there. */
  async putManifest(
    repository: string,
    reference: string,
    bytes: Uint8Array,
    mediaType: string,
  ): Promise<void> {
    const res = await this.#client.call({
      method: 'PUT',
      url: this.#url(repository, `manifests/${reference}`),
      headers: { 'content-type': mediaType },
      body: bytes,
      scope: this.#scope(repository, 'pull,push'),
      expect: [201, 200, 202],
      what: `push ${repository}${isDigest(reference) ? '@' : ':'}${reference}`,
    });
    res.resume();
    const stored = header(res, 'docker-content-digest');
    if (stored !== undefined && isDigest(stored) && stored !== digestLike(stored, bytes)) {
      throw new OciError(
        'SKEP_DIGEST_MISMATCH',
        `${this.host} stored another manifest for ${repository} than was sent.`,
        {
          hint: 'Try again; if it stays so, the registry or something before it changes content.',
        },
      );
    }
  }

  /** Whether the repository has a manifest of this digest. */
  async hasManifest(repository: string, digest: string): Promise<boolean> {
    return this.#has(repository, `manifests/${digest}`);
  }

  /** Whether the repository has a blob. */
  async hasBlob(repository: string, digest: string): Promise<boolean> {
    return this.#has(repository, `blobs/${digest}`);
  }

  async #has(repository: string, path: string): Promise<boolean> {
    const res = await this.#client.call({
      method: 'HEAD',
      url: this.#url(repository, path),
      headers: path.startsWith('manifests/') ? { accept: Object.values(MEDIA_TYPE).join(', ') } : {},
      scope: this.#scope(repository, 'pull,push'),
      expect: [200, 404],
      what: `push to ${repository}`,
    });
    res.resume();
    return res.statusCode === 200;
  }

  /**
   * A blob as it arrives. A connection that breaks is taken up again where it broke; the digest is for the caller to
   * check ({@link Store.putBlob} does).
   */
  async *getBlob(repository: string, blob: { digest: string; size: number }): AsyncGenerator<Uint8Array> {
    let at = 0;
    for (let failures = 0; ; ) {
      const from = at;
      const res = await this.#client.call({
        method: 'GET',
        url: this.#url(repository, `blobs/${blob.digest}`),
        headers: at > 0 ? { range: `bytes=${at}-` } : {},
        scope: this.#scope(repository, 'pull'),
        expect: [200, 206],
        what: `pull blob ${blob.digest} of ${repository}`,
      });
      const start = res.statusCode === 206 ? rangeStart(res) : 0;
      let skip = at - start;
      try {
        if (skip < 0) throw broken(this.host, 'answered with another range than was asked for');
        for await (const chunk of res as AsyncIterable<Buffer>) {
          const fresh = skip === 0 ? chunk : chunk.subarray(skip);
          skip -= Math.min(skip, chunk.length);
          if (fresh.length === 0) continue;
          at += fresh.length;
          yield fresh;
        }
        if (at >= blob.size) return;
        throw broken(this.host, `ended the blob after ${at} of ${blob.size} bytes`);
      } catch (e) {
        failures = at - from > SMALL_BYTES ? 1 : failures + 1; // as long as it moves on, it may break again
        await this.#client.retry.pauseAfter(networkError(e, this.host), failures);
      } finally {
        res.destroy();
      }
    }
  }

  /**
   * Sends a blob that the repository lacks. After a broken connection the registry is asked how much it has, and gets
   * the rest; if it cannot tell, the upload starts again.
   *
   * @param onBytes how many bytes have been handed over
   */
  async putBlob(repository: string, source: BlobSource, onBytes: (done: number) => void): Promise<void> {
    let location: URL | undefined;
    for (let failures = 0; ; ) {
      let offset = 0;
      try {
        if (location !== undefined) {
          const known: { location: URL; offset: number } | undefined = await this.#uploaded(
            repository,
            location,
          );
          location = known?.location;
          offset = known?.offset ?? 0;
        }
        if (location === undefined || offset > source.descriptor.size) {
          location = await this.#startUpload(repository);
          offset = 0;
        }
        await this.#finishUpload(repository, source, location, offset, onBytes);
        return;
      } catch (e) {
        failures++;
        await this.#client.retry.pauseAfter(e, failures);
      }
    }
  }

  async #startUpload(repository: string): Promise<URL> {
    const res = await this.#client.call({
      method: 'POST',
      url: this.#url(repository, 'blobs/uploads/'),
      headers: { 'content-length': '0' },
      scope: this.#scope(repository, 'pull,push'),
      expect: [202],
      what: `push to ${repository}`,
      retry: false,
    });
    res.resume();
    return this.#location(res);
  }

  /** How far an upload got; undefined when the registry has forgotten it. */
  async #uploaded(repository: string, location: URL): Promise<{ location: URL; offset: number } | undefined> {
    const res = await this.#client.call({
      method: 'GET',
      url: location,
      scope: this.#scope(repository, 'pull,push'),
      expect: [204, 400, 404, 405, 416],
      what: `push to ${repository}`,
      retry: false,
    });
    res.resume();
    const range = /^(?:bytes=)?0-(\d+)$/.exec(header(res, 'range') ?? '');
    if (res.statusCode !== 204 || range === null) return undefined;
    // "0-0" is one byte or none: registries differ. Sending everything again is right in both cases.
    return Number(range[1]) === 0
      ? undefined
      : { location: this.#location(res), offset: Number(range[1]) + 1 };
  }

  async #finishUpload(
    repository: string,
    { descriptor, path, read }: BlobSource,
    location: URL,
    offset: number,
    onBytes: (done: number) => void,
  ): Promise<void> {
    const scope = this.#scope(repository, 'pull,push');
    const what = `push blob ${descriptor.digest} to ${repository}`;
    const common = { scope, what, retry: false };
    const length = descriptor.size - offset;
    const bytes = { 'content-type': 'application/octet-stream' };
    const stream = () => {
      let done = offset;
      const file = createReadStream(path, { start: offset, highWaterMark: SMALL_BYTES });
      file.on('data', (chunk) => {
        done += chunk.length;
        onBytes(done);
      });
      return { stream: file, length };
    };
    let target = location;
    let body =
      descriptor.size <= SMALL_BYTES ? (await read()).subarray(offset) : length > 0 ? stream : undefined;
    if (offset > 0 && length > 0) {
      const headers = { ...bytes, 'content-range': `${offset}-${descriptor.size - 1}` };
      const res = await this.#client.call({
        ...common,
        method: 'PATCH',
        url: target,
        headers,
        body,
        expect: [202],
      });
      res.resume();
      target = this.#location(res);
      body = undefined;
    }
    const url = new URL(target);
    url.searchParams.set('digest', descriptor.digest);
    const headers = body === undefined ? { 'content-length': '0' } : bytes;
    const res = await this.#client.call({ ...common, method: 'PUT', url, headers, body, expect: [201, 204] });
    res.resume();
    onBytes(descriptor.size);
  }

  #location(res: IncomingMessage): URL {
    const location = header(res, 'location');
    if (location !== undefined) return this.#client.resolve(location);
    throw new OciError('SKEP_REGISTRY', `${this.host} accepts an upload, but does not say where.`, {
      hint: 'Check that the address is that of a registry.',
    });
  }

  #url(repository: string, rest: string): string {
    return `/v2/${apiRepository(this.host, repository)}/${rest}`;
  }

  #scope(repository: string, actions: 'pull' | 'pull,push'): string {
    return `repository:${apiRepository(this.host, repository)}:${actions}`;
  }
}

function header(res: IncomingMessage, name: string): string | undefined {
  const value = res.headers[name];
  return typeof value === 'string' ? value : undefined;
}

function rangeStart(res: IncomingMessage): number {
  const m = /^bytes (\d+)-/.exec(header(res, 'content-range') ?? '');
  return m === null ? 0 : Number(m[1]);
}

function broken(host: string, what: string): OciError {
  return new OciError('SKEP_REGISTRY_UNREACHABLE', `${printable(host)} ${what}.`, {
    hint: 'Try again; if it stays so, look into the log of the registry.',
    transient: true,
  });
}
