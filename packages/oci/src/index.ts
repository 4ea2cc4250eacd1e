import type { LoadedImage, LoadOptions } from './archive/load.ts';
import type { Credentials } from './credentials/find.ts';
import type { CopyOptions, CopyResult } from './registry/copy.ts';
import type { RemoteRemoval } from './registry/delete.ts';
import type { RegistryOptions, TransferOptions } from './registry/options.ts';
import type { PulledImage } from './registry/pull.ts';
import type { PushResult } from './registry/push.ts';
import type { ReferrerOptions } from './registry/referrers.ts';
import type { Registry } from './registry/registry.ts';
import type { Store } from './store/store.ts';
import type { Descriptor } from './types.ts';

export type { LoadedImage, LoadOptions } from './archive/load.ts';
export type { Credentials } from './credentials/find.ts';
export { sha256 } from './digest.ts';
export { OciError, type OciErrorCode, type OciErrorDetails } from './errors.ts';
export { type Document, isDescriptor, parseDocument } from './manifest.ts';
export { choosePlatform, formatPlatform, imagesOf, machinePlatform, parsePlatform } from './platform.ts';
export {
  formatReference,
  isDigest,
  isLocal,
  parseReference,
  parseRegistry,
  type Reference,
  withDefaultTag,
} from './reference.ts';
export type { CopyOptions, CopyResult } from './registry/copy.ts';
export type { RemoteRemoval } from './registry/delete.ts';
export type { Progress, RegistryOptions, TransferOptions } from './registry/options.ts';
export type { PulledImage } from './registry/pull.ts';
export type { PushResult } from './registry/push.ts';
export type { ReferrerOptions } from './registry/referrers.ts';
export type { BlobSource, FetchedManifest, Registry } from './registry/registry.ts';
export { builtHereMark, isBuiltHere } from './store/built.ts';
export type { StoreCheck, StoreProblem } from './store/check-store.ts';
export type { NamedEntry } from './store/documents.ts';
export type { NamedImage, PutImageOptions } from './store/entries.ts';
export type { PrunedBlob, Removed } from './store/removal.ts';
export { Store } from './store/store.ts';
export * from './types.ts';

// What talks to a network or looks for passwords is loaded when it is called: `list` and `run` never pay for it.

/**
 * Sends an image to the registry that its name says: the blobs that are not there yet, then the manifest.
 *
 * @param ref `HOST[:PORT]/NAME[:TAG]`, a name in the store
 * @throws OciError SKEP_REFERENCE_INVALID (a local name), SKEP_NOT_FOUND (not in the store), SKEP_STORE_CORRUPT, and
 * the registry's: SKEP_UNAUTHORIZED, SKEP_FORBIDDEN, SKEP_REGISTRY, SKEP_REGISTRY_TIMEOUT, SKEP_REGISTRY_UNREACHABLE,
 * SKEP_REGISTRY_TLS, SKEP_PROXY, SKEP_CA_FILE, SKEP_AUTH_FILE, SKEP_ABORTED
 * @example await push(store, 'localhost:5000/oomkill:1', { onProgress: (p) => console.log(p.digest, p.done) })
 */
export async function push(store: Store, ref: string, opts: TransferOptions = {}): Promise<PushResult> {
  return (await import('./registry/push.ts')).push(store, ref, opts);
}

/**
 * Sends every tag that the store has of a repository, some at once over the same connections, and gives them out in the
 * store's order. The first failure ends it; what was given out before is in the registry.
 *
 * @param ref `HOST[:PORT]/NAME`
 * @throws OciError as {@link push}, and SKEP_REFERENCE_INVALID for one image
 */
export async function* pushAllTags(
  store: Store,
  ref: string,
  opts: TransferOptions = {},
): AsyncGenerator<PushResult> {
  yield* (await import('./registry/push.ts')).pushAllTags(store, ref, opts);
}

/**
 * Fetches an image into the store under its full name. Of a multi-platform image, the index as it is and the part for
 * this machine, for those of `opts.platform` (with commas between) or for `all`. What the store has and is whole does not
 * come again; what is damaged does.
 *
 * @param ref `HOST[:PORT]/NAME[:TAG][@DIGEST]`
 * @throws OciError as {@link push}, and SKEP_DIGEST_MISMATCH, SKEP_MANIFEST_INVALID, SKEP_MEDIA_TYPE, SKEP_PLATFORM, SKEP_DISK_FULL
 * @example const image = await pull(store, 'ghcr.io/solo-io/bumblebee/oomkill:0.0.14')
 */
export async function pull(store: Store, ref: string, opts: TransferOptions = {}): Promise<PulledImage> {
  return (await import('./registry/pull.ts')).pull(store, ref, opts);
}

/**
 * Fetches every tag that a registry has of a repository, some at once over the same connections, and gives them out by
 * their names; the tags under which signatures lie are left out. The first failure ends it; what was given out before
 * is in the store.
 *
 * @param ref `HOST[:PORT]/NAME`
 * @throws OciError as {@link pull}, and SKEP_REFERENCE_INVALID for one image
 */
export async function* pullAllTags(
  store: Store,
  ref: string,
  opts: TransferOptions = {},
): AsyncGenerator<PulledImage> {
  yield* (await import('./registry/pull-all.ts')).pullAllTags(store, ref, opts);
}

/**
 * Copies an image from one repository to another, in the same registry or between two, without a store: an index with all
 * it lists, and what refers to any of it. Blobs stream through this process, or are mounted where both are on one
 * registry. The tag comes last, when all else is there.
 *
 * @param dst without a tag, that of `src`
 * @throws OciError SKEP_REFERENCE_INVALID (a local name; one password for two registries), SKEP_DIGEST_MISMATCH,
 * SKEP_MANIFEST_INVALID, SKEP_MEDIA_TYPE, and the registries' as {@link push}
 * @example await copy('staging.example/me/oomkill:1', 'ghcr.io/me/oomkill:1')
 */
export async function copy(src: string, dst: string, opts: CopyOptions = {}): Promise<CopyResult> {
  return (await import('./registry/copy.ts')).copy(src, dst, opts);
}

/**
 * Copies every tag of a repository as {@link copy} does, some at once, and gives them out by their names. The first
 * failure ends it; what was given out before is there.
 *
 * @param src `HOST[:PORT]/NAME`, as `dst`
 * @throws OciError as {@link copy}, and SKEP_REFERENCE_INVALID for one image
 */
export async function* copyAllTags(
  src: string,
  dst: string,
  opts: CopyOptions = {},
): AsyncGenerator<CopyResult> {
  yield* (await import('./registry/copy.ts')).copyAllTags(src, dst, opts);
}

/**
 * What refers to a manifest of a repository (signatures, attestations, …): by the Referrers API, else by the tag
 * `sha256-…`.
 *
 * @param artifactType only those of this type
 * @example await referrers(registry, 'me/oomkill', 'sha256:…', 'application/vnd.dev.sigstore.bundle.v0.3+json')
 */
export async function referrers(
  registry: Registry,
  repository: string,
  digest: string,
  artifactType?: string,
): Promise<Descriptor[]> {
  return (await import('./registry/referrers.ts')).listReferrers(registry, repository, digest, {
    artifactType,
  });
}

/**
 * Makes a manifest with a `subject` and an `artifactType`, and stores it so that {@link referrers} finds it. Its layers
 * must be in the repository (`registry.putSmallBlob`).
 */
export async function pushReferrer(
  registry: Registry,
  repository: string,
  subject: Descriptor,
  artifactType: string,
  layers: Descriptor[],
  opts: ReferrerOptions = {},
): Promise<Descriptor> {
  const { pushReferrer } = await import('./registry/referrers.ts');
  return pushReferrer(registry, repository, subject, artifactType, layers, opts);
}

/**
 * Deletes in a registry: of `HOST/NAME:TAG` the tag, the image stays for its other tags; of `HOST/NAME@DIGEST` the image
 * with all its tags. A registry that cannot delete a tag alone loses the image when that was its only tag, and refuses
 * when there are more.
 *
 * @throws OciError SKEP_REFERENCE_INVALID (a local name, neither tag nor digest), SKEP_NOT_FOUND, SKEP_REGISTRY (it deletes
 * nothing, or not this tag alone), and the registry's as {@link push}
 */
export async function removeRemote(ref: string, opts: RegistryOptions = {}): Promise<RemoteRemoval> {
  return (await import('./registry/delete.ts')).removeRemote(ref, opts);
}

/**
 * Images of a store as an OCI archive (a tar of an image layout), which skopeo, umoci, podman and docker read. The same
 * images give the same bytes.
 *
 * @throws OciError SKEP_NOT_FOUND, SKEP_STORE_CORRUPT
 * @example await pipeline(Readable.from(saveImages(store, ['oomkill:1'])), createWriteStream('oomkill.tar'))
 */
export async function* saveImages(store: Store, refs: readonly string[]): AsyncGenerator<Uint8Array> {
  yield* (await import('./archive/save.ts')).saveImages(store, refs);
}

/**
 * Takes the images of an OCI archive into a store, all of them or none. The archive may come from anywhere: every digest
 * and size is checked, links and paths that lead out are refused, gzip that grows beyond measure is cut off.
 *
 * @throws OciError SKEP_ARCHIVE_INVALID, SKEP_DIGEST_MISMATCH, SKEP_MANIFEST_INVALID, SKEP_MEDIA_TYPE,
 * SKEP_REFERENCE_INVALID (a name that is none), SKEP_DISK_FULL; nothing of the archive is left in the store then
 */
export async function loadImages(
  store: Store,
  data: AsyncIterable<Uint8Array>,
  opts: LoadOptions = {},
): Promise<LoadedImage[]> {
  return (await import('./archive/load.ts')).loadImages(store, data, opts);
}

/**
 * The tags of a repository, in the registry's order.
 *
 * @param ref `HOST[:PORT]/NAME`
 * @throws OciError SKEP_REFERENCE_INVALID (a local name, or one with a tag or digest), SKEP_NOT_FOUND, and the registry's as {@link push}
 */
export async function tags(ref: string, opts: RegistryOptions = {}): Promise<string[]> {
  return (await import('./registry/repository.ts')).tags(ref, opts);
}

/** A client for one registry, for what push and pull do not cover. Close it, or hold it by `using`. */
export async function openRegistry(host: string, opts: RegistryOptions = {}): Promise<Registry> {
  return new (await import('./registry/registry.ts')).Registry(host, opts);
}

/**
 * Tries a login, and keeps it where docker would: in its helper if one is configured, else in `~/.docker/config.json`
 * (mode 0600, all else in it unchanged), or in the first of `opts.authFiles`.
 *
 * @param host `host` or `host:port`; of an address, the host is taken
 * @returns where it is kept now
 * @throws OciError SKEP_REFERENCE_INVALID for what is no host, SKEP_UNAUTHORIZED when the registry refuses it (nothing is kept then), SKEP_AUTH_FILE, …
 */
export async function login(
  host: string,
  credentials: { username: string; password: string },
  opts: RegistryOptions = {},
): Promise<{ storedIn: string }> {
  return (await import('./credentials/login.ts')).login(host, credentials, opts);
}

/** Forgets the login of a host in every file and helper that has one. @returns whether there was one */
export async function logout(host: string, opts: RegistryOptions = {}): Promise<boolean> {
  return (await import('./credentials/login.ts')).logout(host, opts);
}

/** What is known about a host in options, files and helpers. @throws OciError SKEP_AUTH_FILE */
export async function findCredentials(
  host: string,
  opts: RegistryOptions = {},
): Promise<Credentials | undefined> {
  return (await import('./credentials/find.ts')).findCredentials(host, opts);
}
