import { Readable } from 'node:stream';
import { hasher } from '../digest.ts';
import { OciError } from '../errors.ts';
import { type Document, isManifestType, parseDocument } from '../manifest.ts';
import { formatReference, parseReference, withDefaultTag } from '../reference.ts';
import type { Descriptor } from '../types.ts';
import type { TransferOptions } from './options.ts';
import { eachParallel } from './parallel.ts';
import { listReferrers, putReferrer, referrersTag } from './referrers.ts';
import { type FetchedManifest, Registry, SMALL_BYTES } from './registry.ts';
import { needRegistry } from './remote.ts';
import { mount } from './upload.ts';

/** How to copy. */
export interface CopyOptions extends Omit<TransferOptions, 'platform'> {
  /** Leave out signatures, attestations and whatever else refers to the image. */
  withoutReferrers?: boolean;
}

/** What a copy did. */
export interface CopyResult {
  /** `HOST/NAME:TAG` of the copy. */
  reference: string;
  /** Of the manifest or index, the same on both sides. */
  digest: string;
  /** Manifests that the target has now, indexes among them, referrers not. */
  manifests: string[];
  /** Digests of the referrers that went along. */
  referrers: string[];
  /** Digests of blobs by how they came there: sent through this machine, taken over by the registry, there before. */
  uploaded: string[];
  mounted: string[];
  existing: string[];
}

// Deeper than any image and its signatures' attestations; a chain that goes on is made to exhaust us.
const MAX_DEPTH = 16;
const MAX_MANIFESTS = 10_000;
// Where cosign kept signatures before there were referrers.
const COSIGN = ['sig', 'att', 'sbom'];

/** See the exported `copy`. */
export async function copy(src: string, dst: string, opts: CopyOptions = {}): Promise<CopyResult> {
  const from = withDefaultTag(parseReference(src));
  // Without a tag, a copy is called as its source; by digest, it is to have the same.
  const wanted = parseReference(dst);
  const to = withDefaultTag(
    wanted.tag === undefined && wanted.digest === undefined
      ? { ...wanted, tag: from.tag, digest: from.digest }
      : wanted,
  );
  const fromHost = needRegistry(from, 'pull');
  const toHost = needRegistry(to, 'push');
  if (opts.username !== undefined && fromHost !== toHost) {
    throw new OciError('SKEP_REFERENCE_INVALID', 'One user and password cannot be for two registries.', {
      hint: `Run skep login ${fromHost} and skep login ${toHost} instead.`,
    });
  }
  using source = new Registry(fromHost, opts);
  using other = fromHost === toHost ? undefined : new Registry(toHost, opts);
  const job = new Copy(source, from.repository, other ?? source, to.repository, opts);
  const top = await source.getManifest(from.repository, (from.digest ?? from.tag) as string);
  if (to.digest !== undefined && to.digest !== top.digest) {
    throw new OciError(
      'SKEP_DIGEST_MISMATCH',
      `${formatReference(from)} is ${top.digest}, not ${to.digest}.`,
      {
        hint: 'Leave out the digest of the copy, or name the source by it.',
      },
    );
  }
  await job.image(top, to.tag);
  return { reference: formatReference(to), digest: top.digest, ...job.result };
}

/** One copy from a repository to another, perhaps of the same registry. */
class Copy {
  readonly result: Omit<CopyResult, 'reference' | 'digest'> = {
    manifests: [],
    referrers: [],
    uploaded: [],
    mounted: [],
    existing: [],
  };
  readonly #source: Registry;
  readonly #from: string;
  readonly #target: Registry;
  readonly #to: string;
  readonly #opts: CopyOptions;
  readonly #manifests = new Set<string>();
  readonly #blobs = new Set<string>();

  constructor(source: Registry, from: string, target: Registry, to: string, opts: CopyOptions) {
    this.#source = source;
    this.#from = from;
    this.#target = target;
    this.#to = to;
    this.#opts = opts;
  }

  /**
   * Content, then the manifest by its digest, then what refers to it, and the tag last: whoever pulls the new tag finds
   * the signatures there too.
   */
  async image(top: FetchedManifest, tag: string | undefined): Promise<void> {
    const { bytes, mediaType, digest } = top;
    const copied = await this.#content(top, 0);
    const pending = this.#opts.withoutReferrers ? [] : await this.#referrersOf(copied);
    if (tag === undefined || pending.length > 0)
      await this.#target.putManifest(this.#to, digest, bytes, mediaType);
    for (const one of pending) await one();
    if (tag !== undefined) await this.#target.putManifest(this.#to, tag, bytes, mediaType);
    this.result.manifests.push(digest);
  }

  /** Blobs and child manifests, not the manifest itself. @returns the digests of all manifests, this one last */
  async #content(top: FetchedManifest, depth: number): Promise<string[]> {
    this.#manifests.add(top.digest);
    if (depth > MAX_DEPTH || this.#manifests.size > MAX_MANIFESTS) {
      throw new OciError(
        'SKEP_MANIFEST_INVALID',
        `${this.#from}@${top.digest} holds manifests without end.`,
        {
          hint: 'Build it again; if it comes from elsewhere, do not trust it.',
        },
      );
    }
    const what = `The manifest ${top.digest} of ${this.#from}`;
    const document: Document = parseDocument(top.bytes, top.mediaType, what);
    if (document.kind === 'manifest') {
      const { config, layers } = document.manifest;
      await this.#copyBlobs([config, ...layers]);
      return [top.digest];
    }
    const digests: string[] = [];
    // An index may name other content than manifests: that is a blob.
    const children = document.index.manifests;
    await this.#copyBlobs(children.filter((d) => !isManifestType(d.mediaType)));
    for (const child of children.filter((d) => isManifestType(d.mediaType))) {
      if (this.#manifests.has(child.digest)) continue;
      const fetched = await this.#source.getManifest(this.#from, child.digest);
      digests.push(...(await this.#content(fetched, depth + 1)));
      await this.#target.putManifest(this.#to, child.digest, fetched.bytes, fetched.mediaType);
      this.result.manifests.push(child.digest);
    }
    return [...digests, top.digest];
  }

  /** What is to be done for the referrers of these manifests; what they are is known when this returns. */
  async #referrersOf(digests: readonly string[], depth = 0): Promise<(() => Promise<void>)[]> {
    const found: (() => Promise<void>)[] = [];
    const width = this.#opts.parallel ?? 4;
    await eachParallel(digests, width, async (digest) => {
      for (const { digest: referrer } of await listReferrers(this.#source, this.#from, digest)) {
        if (!this.#manifests.has(referrer)) found.push(() => this.#referrer(referrer, depth));
      }
    });
    const tags = digests.flatMap((digest) => COSIGN.map((kind) => `${referrersTag(digest)}.${kind}`));
    await eachParallel(tags, width, async (tag) => {
      const fetched = await this.#source.getManifest(this.#from, tag).catch((e: unknown) => {
        if (e instanceof OciError && e.code === 'SKEP_NOT_FOUND') return undefined;
        throw e;
      });
      if (fetched !== undefined && !this.#manifests.has(fetched.digest))
        found.push(() => this.#tagged(fetched, tag));
    });
    return found;
  }

  async #referrer(digest: string, depth: number): Promise<void> {
    if (this.#manifests.has(digest)) return;
    const fetched = await this.#source.getManifest(this.#from, digest);
    const copied = await this.#content(fetched, depth);
    await putReferrer(this.#target, this.#to, fetched.bytes, fetched.mediaType);
    this.result.referrers.push(digest);
    for (const one of await this.#referrersOf(copied, depth + 1)) await one();
  }

  async #tagged(fetched: FetchedManifest, tag: string): Promise<void> {
    await this.#content(fetched, 0);
    await this.#target.putManifest(this.#to, tag, fetched.bytes, fetched.mediaType);
    this.result.referrers.push(fetched.digest);
  }

  async #copyBlobs(blobs: readonly Descriptor[]): Promise<void> {
    const fresh = [...new Map(blobs.map((b) => [b.digest, b])).values()].filter(
      (b) => !this.#blobs.has(b.digest),
    );
    for (const { digest } of fresh) this.#blobs.add(digest);
    await eachParallel(fresh, this.#opts.parallel ?? 4, (blob) => this.#copyBlob(blob));
  }

  async #copyBlob(descriptor: Descriptor): Promise<void> {
    const { digest, size } = descriptor;
    const tell = (done: number, status: 'exists' | 'transferring' | 'done') =>
      this.#opts.onProgress?.({ phase: 'push', digest, done, total: size, status });
    if (await this.#target.hasBlob(this.#to, digest)) {
      this.result.existing.push(digest);
      return tell(size, 'exists');
    }
    let location: URL | undefined;
    if (this.#source === this.#target) {
      const answer = await mount(this.#target, this.#from, this.#to, digest);
      if (answer.mounted) {
        this.result.mounted.push(digest);
        return tell(size, 'exists');
      }
      location = answer.location;
    }
    const open = (offset: number) =>
      Readable.from(this.#checked(descriptor, offset), { objectMode: false, highWaterMark: SMALL_BYTES });
    const read = async () => {
      const pieces: Uint8Array[] = [];
      for await (const piece of this.#checked(descriptor, 0)) pieces.push(piece);
      return Buffer.concat(pieces);
    };
    await this.#target.putBlob(
      this.#to,
      { descriptor, open, read },
      (done) => tell(done, 'transferring'),
      location,
    );
    this.result.uploaded.push(digest);
    tell(size, 'done');
  }

  /**
   * A blob on its way. Its last piece is held back until the digest is known to be right, so that wrong content never
   * becomes a whole upload. From the middle on, only the target can tell.
   */
  async *#checked({ digest, size }: Descriptor, offset: number): AsyncGenerator<Uint8Array> {
    const hash = offset === 0 ? hasher(digest.split(':')[0]) : undefined;
    let at = offset;
    let held: Uint8Array | undefined;
    for await (const piece of this.#arriving({ digest, size }, offset)) {
      at += piece.length;
      if (at > size) throw this.#wrong(digest, 'is longer than its manifest says');
      hash?.update(piece);
      if (held !== undefined) yield held;
      held = piece;
    }
    if (hash !== undefined && hash.digest() !== digest) throw this.#wrong(digest, 'has another digest');
    if (held !== undefined) yield held;
  }

  /** A failure has been tried again here already: it is none that the upload should try once more. */
  async *#arriving(blob: { digest: string; size: number }, offset: number): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#source.getBlob(this.#from, blob, offset);
    } catch (e) {
      if (!(e instanceof OciError) || !e.transient) throw e;
      throw new OciError(e.code, e.message, { hint: e.hint, cause: e });
    }
  }

  #wrong(digest: string, how: string): OciError {
    return new OciError('SKEP_DIGEST_MISMATCH', `Blob ${digest} from ${this.#source.host} ${how}.`, {
      hint: 'Try again; if it stays so, the registry or something before it changes content: do not trust it.',
    });
  }
}
