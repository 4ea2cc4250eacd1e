import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { digestLike, sha256 } from '../digest.ts';
import { OciError, printable } from '../errors.ts';
import { isIndexType, parseDocument } from '../manifest.ts';
import { isDigest } from '../reference.ts';
import { type Descriptor, MAX_MANIFEST_BYTES, MEDIA_TYPE } from '../types.ts';
import { type Call, Client } from './client.ts';
import { networkError, readBody } from './errors.ts';
import { apiRepository } from './host.ts';
import type { RegistryOptions } from './options.ts';
import type { RetryPolicy } from './retry.ts';
import { straightBody } from './straight.ts';
import { Turns } from './turns.ts';
import { upload } from './upload.ts';

// Blobs up to this size are sent from memory, in one piece with their head.
export const SMALL_BYTES = 256 * 1024;

/** A manifest as it came. */
export interface FetchedManifest {
  bytes: Uint8Array;
  mediaType: string;
  digest: string;
}

/** A request below a repository's address: see {@link Registry.request}. */
export interface RepositoryCall extends Omit<Call, 'url' | 'scope'> {
  /** What the token must allow; `pull` unless said. */
  actions?: 'pull' | 'pull,push' | 'delete';
  /** Another repository of this registry that the request reads, for a mount. */
  alsoPull?: string;
}

/** A blob to send. */
export interface BlobSource {
  descriptor: Descriptor;
  /** The content from a byte on. Called anew for every try. */
  open(offset: number): AsyncIterable<Uint8Array>;
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
  /** Repositories for which it has answered that there is no Referrers API. */
  readonly withoutReferrers = new Set<string>();
  readonly #client: Client;
  readonly #turns = new Turns();

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

  /**
   * One request below `/v2/REPOSITORY/`, with authentication, redirects and retries; for what the methods here do not
   * cover. The body of the answer is the caller's to read or to `resume()`.
   *
   * @param rest the end of the path, or a path and query that this registry gave
   * @throws OciError for every status that `call.expect` does not name
   */
  request(repository: string, rest: string | URL, call: RepositoryCall): Promise<IncomingMessage> {
    const { actions = 'pull', alsoPull, ...common } = call;
    const scopes = [this.#scope(repository, actions)];
    if (alsoPull !== undefined) scopes.push(this.#scope(alsoPull, 'pull'));
    const url = typeof rest === 'string' ? this.#url(repository, rest) : rest;
    return this.#client.call({ ...common, url, scope: scopes.join(' ') });
  }

  /** When and how long a failed request is worth another try. */
  get retry(): RetryPolicy {
    return this.#client.retry;
  }

  /** An address that the registry gave in a header, made whole. @throws OciError SKEP_REGISTRY when it is none */
  resolve(location: string): URL {
    return this.#client.resolve(location);
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
  async getManifest(
    repository: string,
    reference: string,
    purpose: 'pull' | 'delete' = 'pull',
  ): Promise<FetchedManifest> {
    const what = `${purpose} ${repository}${isDigest(reference) ? '@' : ':'}${reference}`;
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
      const mediaType = typeOf((res.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '', bytes);
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

  /**
   * Stores a manifest under a tag or its digest. Its blobs must be there. What is the same manifest, or in the same index,
   * goes one after the other: docker-registry writes the file of a manifest that it has again, in place, and refuses
   * (DIGEST_INVALID) an index whose part it reads in that moment. Another client may be the one that writes: then it is sent again.
   *
   * @returns the digest of the subject that the registry lists it as a referrer of; none where it has no such list
   */
  async putManifest(
    repository: string,
    reference: string,
    bytes: Uint8Array,
    mediaType: string,
  ): Promise<{ subject?: string }> {
    const put = () => this.#putManifest(repository, reference, bytes, mediaType);
    return this.#turns.take([sha256(bytes), ...partsOf(bytes, mediaType)], put);
  }

  async #putManifest(
    repository: string,
    reference: string,
    bytes: Uint8Array,
    mediaType: string,
  ): Promise<{ subject?: string }> {
    const res = await this.#client.call({
      method: 'PUT',
      url: this.#url(repository, `manifests/${reference}`),
      headers: { 'content-type': mediaType },
      body: bytes,
      scope: this.#scope(repository, 'pull,push'),
      expect: [201, 200, 202],
      what: `push ${repository}${isDigest(reference) ? '@' : ':'}${reference}`,
      passing: ['DIGEST_INVALID'],
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
    const subject = header(res, 'oci-subject');
    return subject === undefined ? {} : { subject };
  }

  /** What a tag stands for, undefined when there is no such tag. Fetches the manifest only where HEAD does not say. */
  async manifestDigest(
    repository: string,
    tag: string,
    actions?: RepositoryCall['actions'],
  ): Promise<string | undefined> {
    const res = await this.request(repository, `manifests/${tag}`, {
      method: 'HEAD',
      headers: { accept: Object.values(MEDIA_TYPE).join(', ') },
      expect: [200, 404],
      what: `look at ${repository}:${tag}`,
      actions,
    });
    res.resume();
    if (res.statusCode === 404) return undefined;
    const digest = header(res, 'docker-content-digest');
    return digest !== undefined && isDigest(digest)
      ? digest
      : (await this.getManifest(repository, tag)).digest;
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
   * A blob as it arrives, from a byte on. A connection that breaks is taken up again where it broke; the digest is for the caller to
   * check ({@link Store.putBlob} does).
   *
   * @param blob what ends before its size is an error; with 0, it ends where the registry's answer does
   * @param lent whether a piece is used no longer than until the next but one is asked for, and its memory may be used again then
   */
  async *getBlob(
    repository: string,
    blob: { digest: string; size: number },
    offset = 0,
    lent = false,
  ): AsyncGenerator<Uint8Array> {
    let at = offset;
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
        for await (const chunk of straightBody(res, lent) ?? (res as AsyncIterable<Buffer>)) {
          const fresh = skip === 0 ? chunk : chunk.subarray(skip);
          skip -= Math.min(skip, chunk.length);
          if (fresh.length === 0) continue;
          at += fresh.length;
          yield fresh;
        }
        if (at >= blob.size) return;
        // To its end, as far as the answer says where that is: to ask again would bring the same.
        if (res.headers['content-length'] !== undefined || res.headers['transfer-encoding'] !== undefined)
          throw shorter(this.host, blob, at);
        throw broken(this.host, `ended the blob after ${at} of ${blob.size} bytes`);
      } catch (e) {
        failures = at - from > SMALL_BYTES ? 1 : failures + 1; // as long as it moves on, it may break again
        await this.#client.retry.pauseAfter(networkError(e, this.host), failures);
      } finally {
        res.destroy();
      }
    }
  }

  /** Sends a blob that is at hand, unless the repository has it. */
  async putSmallBlob(repository: string, descriptor: Descriptor, bytes: Uint8Array): Promise<void> {
    if (await this.hasBlob(repository, descriptor.digest)) return;
    const source = {
      descriptor,
      open: (offset: number) => Readable.from([bytes.subarray(offset)], { objectMode: false }),
      read: async () => bytes,
    };
    await this.putBlob(repository, source, () => undefined);
  }

  /**
   * Sends a blob that the repository lacks. After a broken connection the registry is asked how much it has, and gets
   * the rest; if it cannot tell, the upload starts again.
   *
   * @param onBytes how many bytes have been handed over
   * @param location of an upload that has begun already
   */
  async putBlob(
    repository: string,
    source: BlobSource,
    onBytes: (done: number) => void,
    location?: URL,
  ): Promise<void> {
    await upload(this, repository, source, onBytes, location);
  }

  #url(repository: string, rest: string): string {
    return `/v2/${apiRepository(this.host, repository)}/${rest}`;
  }

  #scope(repository: string, actions: 'pull' | 'pull,push' | 'delete'): string {
    return `repository:${apiRepository(this.host, repository)}:${actions}`;
  }
}

/** What is said of files, and so by registries that are no more than a web server: then the document tells what it is. */
const ANY_FILE = ['', 'application/json', 'application/octet-stream', 'text/plain'];

function typeOf(said: string, bytes: Uint8Array): string {
  if (!ANY_FILE.includes(said)) return said;
  try {
    const document = parseDocument(bytes, undefined, 'The manifest');
    return document.kind === 'index'
      ? (document.index.mediaType ?? MEDIA_TYPE.index)
      : (document.manifest.mediaType ?? MEDIA_TYPE.manifest);
  } catch (e) {
    if (e instanceof OciError) return said; // and is refused by whoever reads it
    throw e;
  }
}

/** Digests of the manifests that an index lists; none of what is no index, or none that can be read: the registry says so. */
function partsOf(bytes: Uint8Array, mediaType: string): string[] {
  if (!isIndexType(mediaType)) return [];
  try {
    const document = parseDocument(bytes, mediaType, 'The index');
    return document.kind === 'index' ? document.index.manifests.map((m) => m.digest) : [];
  } catch (e) {
    if (e instanceof OciError) return [];
    throw e;
  }
}

/** A header that came once. */
export function header(res: IncomingMessage, name: string): string | undefined {
  const value = res.headers[name];
  return typeof value === 'string' ? value : undefined;
}

function rangeStart(res: IncomingMessage): number {
  const m = /^bytes (\d+)-/.exec(header(res, 'content-range') ?? '');
  return m === null ? 0 : Number(m[1]);
}

function shorter(host: string, { digest, size }: { digest: string; size: number }, has: number): OciError {
  return new OciError(
    'SKEP_DIGEST_MISMATCH',
    `${host} has ${has} bytes of ${digest}, which should have ${size}.`,
    {
      hint: 'Build and push the image that needs it again; if it comes from elsewhere, tell its maker.',
    },
  );
}

function broken(host: string, what: string): OciError {
  return new OciError('SKEP_REGISTRY_UNREACHABLE', `${printable(host)} ${what}.`, {
    hint: 'Try again; if it stays so, look into the log of the registry.',
    transient: true,
  });
}
