import type { Credentials } from './credentials/find.ts';
import type { RegistryOptions, TransferOptions } from './registry/options.ts';
import type { PushResult } from './registry/push.ts';
import type { Registry } from './registry/registry.ts';
import type { Store } from './store/store.ts';
import type { StoredImage } from './types.ts';

export type { Credentials } from './credentials/find.ts';
export { OciError, type OciErrorCode, type OciErrorDetails } from './errors.ts';
export { type Document, isDescriptor, parseDocument } from './manifest.ts';
export { choosePlatform, formatPlatform, machinePlatform, parsePlatform } from './platform.ts';
export {
  formatReference,
  isDigest,
  isLocal,
  parseReference,
  type Reference,
  withDefaultTag,
} from './reference.ts';
export type { Progress, RegistryOptions, TransferOptions } from './registry/options.ts';
export type { PushResult } from './registry/push.ts';
export type { BlobSource, FetchedManifest, Registry } from './registry/registry.ts';
export { type PutImageOptions, Store } from './store/store.ts';
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
 * Fetches an image into the store under its full name. Of a multi-platform image, the part for this machine.
 *
 * @param ref `HOST[:PORT]/NAME[:TAG][@DIGEST]`
 * @throws OciError as {@link push}, and SKEP_DIGEST_MISMATCH, SKEP_MANIFEST_INVALID, SKEP_MEDIA_TYPE, SKEP_PLATFORM, SKEP_DISK_FULL
 * @example const image = await pull(store, 'ghcr.io/solo-io/bumblebee/oomkill:0.0.14')
 */
export async function pull(store: Store, ref: string, opts: TransferOptions = {}): Promise<StoredImage> {
  return (await import('./registry/pull.ts')).pull(store, ref, opts);
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
 * @returns where it is kept now
 * @throws OciError SKEP_UNAUTHORIZED when the registry refuses it (nothing is kept then), SKEP_AUTH_FILE, …
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
