import { sha256 } from '../digest.ts';
import { OciError } from '../errors.ts';
import { parseDocument } from '../manifest.ts';
import { Client } from '../registry/client.ts';
import { readBody } from '../registry/errors.ts';
import { apiRepository } from '../registry/host.ts';
import type { RegistryOptions } from '../registry/options.ts';
import { Registry } from '../registry/registry.ts';
import { type Descriptor, type Index, MAX_MANIFEST_BYTES, MEDIA_TYPE } from '../types.ts';
import { EMPTY_TYPE, isBundleType } from './bundle.ts';
import { type Attached, MAX_SIGNATURE_BYTES, MOST_ATTACHED, type SignaturePlace } from './place.ts';
import { signatureTag } from './simple-signing.ts';

/** The signatures in a repository. Close it to let its connections go. */
export function registryPlace(
  host: string,
  repository: string,
  opts: RegistryOptions = {},
): SignaturePlace & Disposable {
  const registry = new Registry(host, opts);
  const referrers = new Referrers(host, repository, registry, opts);
  const manifestOf = async (reference: string): Promise<Attached | undefined> => {
    const fetched = await absentAsUndefined(registry.getManifest(repository, reference));
    if (!fetched) return undefined;
    const document = parseDocument(fetched.bytes, fetched.mediaType, `A signature in ${host}/${repository}`);
    return document.kind === 'manifest' ? { bytes: fetched.bytes, manifest: document.manifest } : undefined;
  };
  return {
    name: `${host}/${repository}`,
    async attached(digest) {
      const tag = signatureTag(digest);
      const [older, index] = await Promise.all([manifestOf(tag), referrers.list(digest)]);
      const bundles = index.filter((d) => mayHoldBundle(d.artifactType)).slice(0, MOST_ATTACHED);
      const found: Attached[] = older ? [{ ...older, tag }] : [];
      for (const { digest } of bundles) {
        const one = await manifestOf(digest);
        if (one) found.push(one);
      }
      return found;
    },
    async readBlob(blob) {
      if (blob.size > MAX_SIGNATURE_BYTES) throw tooLarge(host, blob);
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of registry.getBlob(repository, blob)) {
        size += chunk.length;
        if (size > blob.size) break;
        chunks.push(chunk);
      }
      const bytes = Buffer.concat(chunks);
      if (bytes.length === blob.size && sha256(bytes) === blob.digest) return bytes;
      throw new OciError('SKEP_DIGEST_MISMATCH', `${host} sent something that is not ${blob.digest}.`, {
        hint: 'Try again; if it stays so, the registry or something before it changes content: do not trust it.',
      });
    },
    async putBlob(bytes, mediaType) {
      const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length };
      if (!(await registry.hasBlob(repository, descriptor.digest)))
        await referrers.putBlob(descriptor, bytes);
      return descriptor;
    },
    async attach(_digest, { bytes, tag }) {
      if (tag === undefined) await referrers.put(bytes);
      else await registry.putManifest(repository, tag, bytes, MEDIA_TYPE.manifest);
    },
    [Symbol.dispose]() {
      registry.close();
      referrers.close();
    },
  };
}

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers and the tag schema that stands in for it. */
class Referrers {
  readonly #client: Client;
  readonly #registry: Registry;
  readonly #repository: string;
  readonly #base: string;

  constructor(host: string, repository: string, registry: Registry, opts: RegistryOptions) {
    this.#client = new Client(host, opts);
    this.#registry = registry;
    this.#repository = repository;
    this.#base = `/v2/${apiRepository(host, repository)}`;
  }

  close(): void {
    this.#client.close();
  }

  async list(digest: string): Promise<Descriptor[]> {
    const res = await this.#client.call({
      method: 'GET',
      url: `${this.#base}/referrers/${digest}`,
      headers: { accept: MEDIA_TYPE.index },
      scope: this.#scope('pull'),
      expect: [200, 400, 404, 405],
      what: `list what refers to ${this.#repository}`,
    });
    const host = this.#client.host;
    if (res.statusCode === 200 && res.headers['content-type']?.startsWith(MEDIA_TYPE.index)) {
      const bytes = await readBody(res, MAX_MANIFEST_BYTES, host, `the referrers of ${this.#repository}`);
      return indexOf(bytes, `The list of referrers from ${host}`).manifests;
    }
    res.resume();
    return (await this.#tagged(digest))?.manifests ?? [];
  }

  /** Stores a manifest with a subject; where the registry does not keep the list, the list is written too. */
  async put(bytes: Uint8Array): Promise<void> {
    const document = parseDocument(bytes, MEDIA_TYPE.manifest, 'A signature');
    const subject = document.kind === 'manifest' ? document.manifest.subject : undefined;
    const digest = sha256(bytes);
    const res = await this.#client.call({
      method: 'PUT',
      url: `${this.#base}/manifests/${digest}`,
      headers: { 'content-type': MEDIA_TYPE.manifest },
      body: bytes,
      scope: this.#scope('pull,push'),
      expect: [200, 201, 202],
      what: `push to ${this.#repository}`,
    });
    res.resume();
    if (document.kind !== 'manifest' || !subject || res.headers['oci-subject'] !== undefined) return;
    const { manifests } = (await this.#tagged(subject.digest)) ?? { manifests: [] };
    if (manifests.some((m) => m.digest === digest)) return;
    const { artifactType, annotations } = document.manifest;
    const entry = { mediaType: MEDIA_TYPE.manifest, digest, size: bytes.length, artifactType, annotations };
    const index: Index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [...manifests, entry] };
    const written = Buffer.from(JSON.stringify(index));
    await this.#registry.putManifest(this.#repository, tagOf(subject.digest), written, MEDIA_TYPE.index);
  }

  /** In one piece: signatures are small. */
  async putBlob(blob: Descriptor, bytes: Uint8Array): Promise<void> {
    const common = { scope: this.#scope('pull,push'), what: `push to ${this.#repository}` };
    const url = `${this.#base}/blobs/uploads/`;
    const headers = { 'content-length': '0' };
    const started = await this.#client.call({ ...common, method: 'POST', url, headers, expect: [202] });
    started.resume();
    const target = this.#client.resolve(started.headers.location ?? '');
    target.searchParams.set('digest', blob.digest);
    const done = await this.#client.call({
      ...common,
      method: 'PUT',
      url: target,
      headers: { 'content-type': 'application/octet-stream' },
      body: bytes,
      expect: [201, 204],
    });
    done.resume();
  }

  async #tagged(digest: string): Promise<Index | undefined> {
    const fetched = await absentAsUndefined(this.#registry.getManifest(this.#repository, tagOf(digest)));
    return fetched && indexOf(fetched.bytes, `The list of referrers ${tagOf(digest)}`);
  }

  #scope(actions: string): string {
    return `repository:${this.#base.slice('/v2/'.length)}:${actions}`;
  }
}

/** In the list under a tag, cosign writes the type of the empty configuration instead: only the manifest says more. */
function mayHoldBundle(artifactType: string | undefined): boolean {
  return artifactType === undefined || artifactType === EMPTY_TYPE || isBundleType(artifactType);
}

function tagOf(digest: string): string {
  return digest.replace(':', '-').slice(0, 128);
}

function indexOf(bytes: Uint8Array, what: string): Index {
  const document = parseDocument(bytes, MEDIA_TYPE.index, what);
  return document.kind === 'index' ? document.index : { schemaVersion: 2, manifests: [] };
}

async function absentAsUndefined<T>(fetching: Promise<T>): Promise<T | undefined> {
  try {
    return await fetching;
  } catch (e) {
    if (e instanceof OciError && e.code === 'SKEP_NOT_FOUND') return undefined;
    throw e;
  }
}

function tooLarge(host: string, { digest, size }: Descriptor): OciError {
  return new OciError(
    'SKEP_REGISTRY',
    `A signature at ${host} (${digest}) has ${size} bytes, more than 4 MiB.`,
    {
      hint: 'That is no signature: remove it from the registry.',
    },
  );
}
