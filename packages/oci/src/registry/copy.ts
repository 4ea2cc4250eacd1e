import { hasher } from '../digest.ts';
import { OciError } from '../errors.ts';
import { type Document, isManifestType, parseDocument } from '../manifest.ts';
import { formatReference, parseReference, type Reference, withDefaultTag } from '../reference.ts';
import type { Descriptor } from '../types.ts';
import { COPIES_AT_ONCE, inOrder, Once } from './ahead.ts';
import type { TransferOptions } from './options.ts';
import { eachParallel } from './parallel.ts';
import { listReferrers, putReferrer, referrersTag, subjectOf } from './referrers.ts';
import { type FetchedManifest, Registry } from './registry.ts';
import { needRegistry } from './remote.ts';
import { parseRepository } from './repository.ts';
import { imageTags, listTags, tagsThere } from './tags.ts';
import { mount } from './upload.ts';
import { howToLook, type Look, partsOf, stateOf } from './whole.ts';

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
  /** Digests of those that the source lists and does not have, or that are no referrers of the image. */
  leftOut: string[];
  /** Digests of blobs by how they came there (none of an image that was there as a whole): sent through this machine, taken over by the registry, there before. */
  uploaded: string[];
  mounted: string[];
  existing: string[];
}

// Deeper than any image and its signatures' attestations; a chain that goes on is made to exhaust us.
const MAX_DEPTH = 16;
const MAX_MANIFESTS = 10_000;
/** Something left to do for one referrer. */
type Step = () => Promise<void>;

// Where cosign kept signatures before there were referrers.
const COSIGN = ['sig', 'att', 'sbom'];

/** What is thrown for a referrer itself, and not for a registry that cannot be reached or is not to be trusted. */
const UNUSABLE = ['SKEP_NOT_FOUND', 'SKEP_MANIFEST_INVALID', 'SKEP_MEDIA_TYPE'];

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
  using ends = openEnds(from, to, opts);
  const { source } = ends;
  const job = new Copy(ends, opts);
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

/** See the exported `copyAllTags`. */
export async function* copyAllTags(
  src: string,
  dst: string,
  opts: CopyOptions = {},
): AsyncGenerator<CopyResult> {
  const [from, to] = [parseRepository(src), parseRepository(dst)];
  using ends = openEnds(from, to, opts);
  const [tags, there] = await Promise.all([
    listTags(ends.source, from.repository),
    tagsThere(ends.target, to.repository),
  ]);
  const shared = { blobs: new Once<How>(), tags: new Set(tags) };
  const images = new Once<void>();
  const wanted = imageTags(tags);
  const known = wanted.filter((tag) => there.has(tag));
  const fetched = new Map<string, FetchedManifest>();
  const fetch = (tag: string) => ends.source.getManifest(from.repository, tag);
  const how = howToLook(known, async (tag) => {
    const top = await fetch(tag);
    fetched.set(tag, top);
    return stateOf(ends.target, to.repository, tag, top.digest, partsOf(documentOf(top, from.repository)));
  });
  how.catch(() => undefined); // thrown to who waits for it
  yield* inOrder(wanted, COPIES_AT_ONCE, async (tag): Promise<CopyResult> => {
    const job = new Copy(ends, opts, shared);
    let look = there.has(tag) ? (await how)(tag) : 'other';
    // Both ends are asked at once: over a network, an answer is mostly waited for.
    const theirs = look === 'tag' ? ends.target.manifestDigest(ends.to, tag, 'pull,push') : undefined;
    theirs?.catch(() => undefined); // thrown below
    const top = fetched.get(tag) ?? (await fetch(tag));
    if (theirs !== undefined) look = (await theirs) === top.digest ? 'whole' : 'other';
    let first = false;
    await images.get(top.digest, () => {
      first = true;
      return job.image(top, tag, look);
    });
    // One more name of what is there now.
    if (!first && look !== 'whole') await ends.target.putManifest(ends.to, tag, top.bytes, top.mediaType);
    return { reference: formatReference({ ...to, tag }), digest: top.digest, ...job.result };
  });
}

function documentOf({ bytes, mediaType, digest }: FetchedManifest, repository: string): Document {
  return parseDocument(bytes, mediaType, `The manifest ${digest} of ${repository}`);
}

/** How a blob came to the target. */
type How = 'uploaded' | 'mounted' | 'existing';

/** Where a copy comes from and goes to. */
interface Ends extends Disposable {
  source: Registry;
  from: string;
  /** The same object when both are in one registry. */
  target: Registry;
  to: string;
}

function openEnds(from: Reference, to: Reference, opts: CopyOptions): Ends {
  const fromHost = needRegistry(from, 'pull');
  const toHost = needRegistry(to, 'copy');
  if (opts.username !== undefined && fromHost !== toHost) {
    throw new OciError('SKEP_REFERENCE_INVALID', 'One user and password cannot be for two registries.', {
      hint: `Run skep login ${fromHost} and skep login ${toHost} instead.`,
    });
  }
  const source = new Registry(fromHost, opts);
  const target = fromHost === toHost ? source : new Registry(toHost, opts);
  return {
    source,
    from: from.repository,
    target,
    to: to.repository,
    [Symbol.dispose]() {
      source.close();
      target.close();
    },
  };
}

/** What the copies of several images share. */
interface Shared {
  blobs: Once<How>;
  /** All tags of the source, where they are known: what is not among them need not be asked for. */
  tags?: ReadonlySet<string>;
}

/** One copy from a repository to another, perhaps of the same registry. */
class Copy {
  readonly result: Omit<CopyResult, 'reference' | 'digest'> = {
    manifests: [],
    referrers: [],
    leftOut: [],
    uploaded: [],
    mounted: [],
    existing: [],
  };
  readonly #source: Registry;
  readonly #from: string;
  readonly #target: Registry;
  readonly #to: string;
  readonly #opts: CopyOptions;
  readonly #shared: Shared;
  readonly #manifests = new Set<string>();
  readonly #blobs = new Set<string>();

  constructor(
    { source, from, target, to }: Ends,
    opts: CopyOptions,
    shared: Shared = { blobs: new Once<How>() },
  ) {
    this.#source = source;
    this.#from = from;
    this.#target = target;
    this.#to = to;
    this.#opts = opts;
    this.#shared = shared;
  }

  /**
   * Content, then the manifest by its digest, then what refers to it, and the tag last: whoever pulls the new tag finds
   * the signatures there too.
   */
  async image(top: FetchedManifest, tag: string | undefined, look: Look = 'other'): Promise<void> {
    const { bytes, mediaType, digest } = top;
    const found: Promise<Step[]>[] = [];
    if (tag !== undefined && (await this.#isThere(top, tag, look, found))) {
      for (const one of (await Promise.all(found)).flat()) await one();
      return;
    }
    await this.#content(top, 0, found);
    const pending = (await Promise.all(found)).flat();
    if (tag === undefined || pending.length > 0)
      await this.#target.putManifest(this.#to, digest, bytes, mediaType);
    for (const one of pending) await one();
    if (tag !== undefined) await this.#target.putManifest(this.#to, tag, bytes, mediaType);
    this.result.manifests.push(digest);
  }

  /** Whether the target has an image under this tag. What refers to it may be new all the same. */
  async #isThere(top: FetchedManifest, tag: string, look: Look, found: Promise<Step[]>[]): Promise<boolean> {
    const parts = partsOf(documentOf(top, this.#from));
    if ((await stateOf(this.#target, this.#to, tag, top.digest, parts, look)) !== 'whole') return false;
    for (const digest of [top.digest, ...parts]) {
      this.#manifests.add(digest);
      this.result.manifests.push(digest);
      if (!this.#opts.withoutReferrers) found.push(this.#referrersOf(digest, 0));
    }
    return true;
  }

  /**
   * Blobs and child manifests, not the manifest itself. What refers to any of them is asked for meanwhile.
   *
   * @param found takes what there will be to do for referrers
   */
  async #content(top: FetchedManifest, depth: number, found?: Promise<Step[]>[]): Promise<void> {
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
    const document = documentOf(top, this.#from);
    if (found && !this.#opts.withoutReferrers) {
      const asked = this.#referrersOf(top.digest, depth);
      asked.catch(() => undefined); // thrown to who waits for it, after the content
      found.push(asked);
    }
    if (document.kind === 'manifest') {
      const { config, layers } = document.manifest;
      return this.#copyBlobs([config, ...layers]);
    }
    // An index may name other content than manifests: that is a blob.
    const children = document.index.manifests;
    await this.#copyBlobs(children.filter((d) => !isManifestType(d.mediaType)));
    for (const child of children.filter((d) => isManifestType(d.mediaType))) {
      if (this.#manifests.has(child.digest)) continue;
      const fetched = await this.#source.getManifest(this.#from, child.digest);
      await this.#content(fetched, depth + 1, found);
      await this.#target.putManifest(this.#to, child.digest, fetched.bytes, fetched.mediaType);
      this.result.manifests.push(child.digest);
    }
  }

  /** What is to be done for the referrers of a manifest; what they are is known when this returns. */
  async #referrersOf(digest: string, depth: number): Promise<Step[]> {
    const found: Step[] = [];
    const known = this.#shared.tags;
    const tags = COSIGN.map((kind) => `${referrersTag(digest)}.${kind}`);
    const byDigest = async () => {
      for (const { digest: referrer } of await listReferrers(this.#source, this.#from, digest, { known })) {
        if (!this.#manifests.has(referrer)) found.push(() => this.#referrer(referrer, digest, depth));
      }
    };
    const byTag = async (tag: string) => {
      const fetched = await this.#source.getManifest(this.#from, tag).catch((e: unknown) => {
        if (e instanceof OciError && e.code === 'SKEP_NOT_FOUND') return undefined;
        throw e;
      });
      if (fetched !== undefined && !this.#manifests.has(fetched.digest))
        found.push(() => this.#orLeaveOut(fetched.digest, depth, () => this.#tagged(fetched, tag)));
    };
    const asked = tags.filter((tag) => known?.has(tag) ?? true);
    await eachParallel([byDigest, ...asked.map((tag) => () => byTag(tag))], 4, (ask) => ask());
    return found;
  }

  async #referrer(digest: string, subject: string, depth: number): Promise<void> {
    if (this.#manifests.has(digest)) return;
    await this.#orLeaveOut(digest, depth, () => this.#wholeReferrer(digest, subject, depth));
  }

  /** Whoever may write beside an image could keep it from being copied: what is listed and is not there, or is no referrer, is left out. */
  async #orLeaveOut(digest: string, depth: number, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (e) {
      const endless = this.#manifests.size > MAX_MANIFESTS || depth >= MAX_DEPTH;
      if (endless || !(e instanceof OciError) || !UNUSABLE.includes(e.code)) throw e;
      this.result.leftOut.push(digest);
    }
  }

  async #wholeReferrer(digest: string, subject: string, depth: number): Promise<void> {
    const fetched = await this.#source.getManifest(this.#from, digest);
    if (subjectOf(documentOf(fetched, this.#from))?.digest !== subject)
      throw this.#otherSubject(digest, subject);
    const found: Promise<Step[]>[] = [];
    await this.#content(fetched, depth + 1, found);
    await putReferrer(this.#target, this.#to, fetched.bytes, fetched.mediaType);
    this.result.referrers.push(digest);
    for (const one of (await Promise.all(found)).flat()) await one();
  }

  #otherSubject(digest: string, subject: string): OciError {
    return new OciError('SKEP_MANIFEST_INVALID', `${this.#from}@${digest} does not refer to ${subject}.`, {
      hint: 'Remove it from the list of what refers to that.',
    });
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
    await eachParallel(fresh, this.#opts.parallel ?? 4, async (blob) => {
      let asked = false;
      const how = await this.#shared.blobs.get(blob.digest, () => {
        asked = true;
        return this.#copyBlob(blob);
      });
      // Of several images the one that brought it says so.
      this.result[asked ? how : 'existing'].push(blob.digest);
    });
  }

  async #copyBlob(descriptor: Descriptor): Promise<How> {
    const { digest, size } = descriptor;
    const tell = (done: number, status: 'exists' | 'transferring' | 'done') =>
      this.#opts.onProgress?.({ phase: 'push', digest, done, total: size, status });
    if (await this.#target.hasBlob(this.#to, digest)) {
      tell(size, 'exists');
      return 'existing';
    }
    let location: URL | undefined;
    if (this.#source === this.#target) {
      const answer = await mount(this.#target, this.#from, this.#to, digest);
      if (answer.mounted) {
        tell(size, 'exists');
        return 'mounted';
      }
      location = answer.location;
    }
    const open = (offset: number) => this.#checked(descriptor, offset);
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
    tell(size, 'done');
    return 'uploaded';
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
