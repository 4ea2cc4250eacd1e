import { sha256 } from '../digest.ts';
import { OciError } from '../errors.ts';
import { type Document, parseDocument } from '../manifest.ts';
import { type Descriptor, type Index, MAX_MANIFEST_BYTES, type Manifest, MEDIA_TYPE } from '../types.ts';
import { pages } from './pages.ts';
import { header, type Registry } from './registry.ts';

// What registries from before OCI 1.1 answer to a path that they do not know.
const UNKNOWN_PATH = [400, 404, 405, 501];

/** What else a referrer may say of itself. */
export interface ReferrerOptions {
  annotations?: Record<string, string>;
  /** `application/vnd.oci.empty.v1+json` and `{}` unless given; the blob must be in the repository. */
  config?: Descriptor;
}

/**
 * `sha256-…`: the tag under which a registry without the Referrers API keeps the list of a manifest's referrers. Of a digest
 * that is longer than a tag may be, the beginning.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
export function referrersTag(digest: string): string {
  const [algorithm = '', encoded = ''] = digest.split(':');
  return `${algorithm.slice(0, 32)}-${encoded.slice(0, 64)}`;
}

/**
 * The manifests of a repository that name `digest` as their subject: signatures, attestations, whatever has this
 * `artifactType`. Asks the Referrers API, and where there is none the list under the tag `sha256-…`.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 *
 * @param opts `known`: all tags of the repository, so that one which is not there need not be asked for
 * @returns descriptors with `artifactType` and `annotations`; empty when there are none, or no such manifest
 * @throws OciError SKEP_MANIFEST_INVALID for a list that is not valid, and the registry's
 */
export async function listReferrers(
  registry: Registry,
  repository: string,
  digest: string,
  opts: { artifactType?: string; known?: ReadonlySet<string> } = {},
): Promise<Descriptor[]> {
  const { artifactType, known } = opts;
  const byApi = await askApi(registry, repository, digest, artifactType);
  if (byApi === undefined && known !== undefined && !known.has(referrersTag(digest))) return [];
  const found = byApi ?? (await askTag(registry, repository, digest));
  // Filtering is optional for a registry.
  const wanted = found.filter((d) => artifactType === undefined || d.artifactType === artifactType);
  return [...new Map(wanted.map((d) => [d.digest, d])).values()];
}

/** @returns undefined when the registry has no Referrers API */
async function askApi(
  registry: Registry,
  repository: string,
  digest: string,
  artifactType: string | undefined,
): Promise<Descriptor[] | undefined> {
  // Asked once for a repository: a registry does not learn it meanwhile.
  if (registry.withoutReferrers.has(repository)) return undefined;
  const query = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`;
  const what = `list the referrers of ${repository}@${digest}`;
  const call = { method: 'GET', expect: [200, ...UNKNOWN_PATH], what, headers: { accept: MEDIA_TYPE.index } };
  const found: Descriptor[] = [];
  for await (const { res, body } of pages(registry, repository, `referrers/${digest}${query}`, call)) {
    const type = header(res, 'content-type')?.split(';')[0]?.trim();
    // A web page with 200 for any path is no API either.
    if (res.statusCode !== 200 || type !== MEDIA_TYPE.index) {
      registry.withoutReferrers.add(repository);
      return undefined;
    }
    found.push(...readList(body, `The list of referrers of ${repository}@${digest}`).manifests);
  }
  return found;
}

async function askTag(registry: Registry, repository: string, digest: string): Promise<Descriptor[]> {
  return (await tagList(registry, repository, digest))?.manifests ?? [];
}

async function tagList(registry: Registry, repository: string, digest: string): Promise<Index | undefined> {
  try {
    const { bytes, mediaType } = await registry.getManifest(repository, referrersTag(digest));
    if (mediaType !== MEDIA_TYPE.index) return undefined; // an image that somebody gave this name
    return readList(bytes, `The list of referrers of ${repository}@${digest}`);
  } catch (e) {
    if (e instanceof OciError && e.code === 'SKEP_NOT_FOUND') return undefined;
    throw e;
  }
}

function readList(bytes: Uint8Array, what: string): Index {
  const document = parseDocument(bytes, MEDIA_TYPE.index, what);
  if (document.kind === 'index') return document.index;
  throw new OciError('SKEP_MANIFEST_INVALID', `${what} is no list.`, { hint: 'Tell who runs the registry.' });
}

/** What a manifest or index refers to. */
export function subjectOf(document: Document): Descriptor | undefined {
  const body = document.kind === 'manifest' ? document.manifest : document.index;
  return (body as { subject?: Descriptor }).subject;
}

/**
 * Stores a manifest that has a `subject` by its digest, and sees to it that {@link listReferrers} finds it: where the
 * registry does not keep the list itself, it is written under the tag `sha256-…`. Two clients that write that tag at
 * once may lose one entry; the specification knows no remedy.
 *
 * @throws OciError SKEP_MANIFEST_INVALID when it has no subject
 */
export async function putReferrer(
  registry: Registry,
  repository: string,
  bytes: Uint8Array,
  mediaType: string,
): Promise<Descriptor> {
  const digest = sha256(bytes);
  const document = parseDocument(bytes, mediaType, `The referrer ${digest}`);
  const body: Manifest | Index = document.kind === 'manifest' ? document.manifest : document.index;
  const subject = subjectOf(document);
  if (subject === undefined) {
    throw new OciError('SKEP_MANIFEST_INVALID', `The referrer ${digest} is not valid: it has no subject.`, {
      hint: 'Make it again.',
    });
  }
  const artifactType =
    body.artifactType ?? (document.kind === 'manifest' ? document.manifest.config.mediaType : undefined);
  const descriptor: Descriptor = { mediaType, digest, size: bytes.length };
  if (artifactType !== undefined) descriptor.artifactType = artifactType;
  if (body.annotations) descriptor.annotations = body.annotations;
  const { subject: kept } = await registry.putManifest(repository, digest, bytes, mediaType);
  // OCI-Subject says that the registry keeps the list. go-containerregistry's keeps it and does not say so.
  if (kept === subject.digest) return descriptor;
  if ((await askApi(registry, repository, subject.digest, undefined)) !== undefined) return descriptor;
  await changeTagList(registry, repository, subject.digest, digest, descriptor);
  return descriptor;
}

/**
 * Makes and stores a referrer of one manifest. Its layers must be in the repository already.
 *
 * @param subject what it is about; need not be in the registry yet
 * @example await pushReferrer(registry, 'me/oomkill', image, 'application/vnd.example.report', [layer])
 */
export async function pushReferrer(
  registry: Registry,
  repository: string,
  subject: Descriptor,
  artifactType: string,
  layers: Descriptor[],
  opts: ReferrerOptions = {},
): Promise<Descriptor> {
  const config = opts.config ?? (await putEmptyConfig(registry, repository));
  const { mediaType, digest, size } = subject;
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    artifactType,
    config,
    layers: layers.length > 0 ? layers : [config],
    subject: { mediaType, digest, size },
    ...(opts.annotations && { annotations: opts.annotations }),
  };
  return putReferrer(registry, repository, Buffer.from(JSON.stringify(manifest)), MEDIA_TYPE.manifest);
}

// https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidance-for-an-empty-descriptor
async function putEmptyConfig(registry: Registry, repository: string): Promise<Descriptor> {
  const bytes = Buffer.from('{}');
  const descriptor = { mediaType: 'application/vnd.oci.empty.v1+json', digest: sha256(bytes), size: 2 };
  await registry.putSmallBlob(repository, descriptor, bytes);
  return descriptor;
}

/**
 * Takes a referrer that is being deleted from the list under its subject's tag, where the registry keeps it there.
 */
export async function dropFromTagList(
  registry: Registry,
  repository: string,
  subject: string,
  referrer: string,
): Promise<void> {
  if ((await askApi(registry, repository, subject, undefined)) !== undefined) return;
  await changeTagList(registry, repository, subject, referrer, undefined);
}

async function changeTagList(
  registry: Registry,
  repository: string,
  subject: string,
  digest: string,
  entry: Descriptor | undefined,
): Promise<void> {
  const list = await tagList(registry, repository, subject);
  if (list === undefined && entry === undefined) return;
  const old = list?.manifests ?? [];
  const manifests = [...old.filter((d) => d.digest !== digest), ...(entry === undefined ? [] : [entry])];
  if (JSON.stringify(manifests) === JSON.stringify(old)) return;
  const index = { ...list, schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests };
  const bytes = Buffer.from(JSON.stringify(index));
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw new OciError(
      'SKEP_REGISTRY',
      `${registry.host} cannot list more referrers of ${repository}@${subject}.`,
      {
        hint: 'Delete old ones, or use a registry with the Referrers API.',
      },
    );
  }
  await registry.putManifest(repository, referrersTag(subject), bytes, MEDIA_TYPE.index);
}
