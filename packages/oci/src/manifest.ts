import { OciError, printable } from './errors.ts';
import { isDigest } from './reference.ts';
import { type Descriptor, type Index, MAX_MANIFEST_BYTES, type Manifest, MEDIA_TYPE } from './types.ts';

/** A parsed document: what a descriptor of a manifest's media type may point to. */
export type Document = { kind: 'manifest'; manifest: Manifest } | { kind: 'index'; index: Index };

/** Whether content of this media type is a manifest or an index, going by the name alone. */
export function isManifestType(mediaType: string): boolean {
  return (
    mediaType === MEDIA_TYPE.manifest || mediaType === MEDIA_TYPE.dockerManifest || isIndexType(mediaType)
  );
}

export function isIndexType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPE.index || mediaType === MEDIA_TYPE.dockerList;
}

/**
 * Reads a manifest or an index and checks every field that is used afterwards. The object returned is the parsed
 * JSON itself, unknown fields included.
 *
 * @param mediaType from the descriptor or the Content-Type; with none, the document's own, then its shape decides
 * @param what names the document in an error, for example `the manifest of oomkill:latest`
 * @throws OciError SKEP_MANIFEST_INVALID, SKEP_MEDIA_TYPE
 */
export function parseDocument(bytes: Uint8Array, mediaType: string | undefined, what: string): Document {
  const fail = (why: string, cause?: unknown): never => {
    const hint = 'Build or push the image again; if it comes from elsewhere, tell its maker.';
    throw new OciError('SKEP_MANIFEST_INVALID', `${what} is not valid: ${why}.`, { hint, cause });
  };
  if (bytes.length > MAX_MANIFEST_BYTES) fail(`${bytes.length} bytes are more than the 4 MiB allowed`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (e) {
    fail('it is not JSON', e);
  }
  if (!isObject(json)) return fail('it is not a JSON object');
  if (json.mediaType !== undefined && typeof json.mediaType !== 'string')
    fail('its mediaType is not a string');
  const own = typeof json.mediaType === 'string' ? json.mediaType : undefined;
  const type = mediaType ?? own;
  if (type !== undefined && !isManifestType(type)) {
    throw new OciError(
      'SKEP_MEDIA_TYPE',
      `${what} has the media type ${printable(type)}, which skep does not read.`,
      {
        hint: 'skep reads OCI and docker (schema 2) image manifests and indexes.',
      },
    );
  }
  if (type !== undefined && own !== undefined && type !== own) {
    fail(`it calls itself ${printable(own)}, but was announced as ${type}`);
  }
  if (json.schemaVersion !== 2) fail('its schemaVersion is not 2');
  // https://github.com/opencontainers/image-spec/blob/main/manifest.md (a document that is both is an attack)
  if (json.manifests !== undefined && (json.layers !== undefined || json.config !== undefined)) {
    fail('it is a manifest and an index at once');
  }
  // Go writes null for a list with nothing in it.
  if (json.manifests === null) json.manifests = [];
  if (json.layers === null) json.layers = [];
  if (!isAnnotations(json.annotations)) fail('its annotations are not strings');
  if (type === undefined ? json.manifests !== undefined : isIndexType(type)) {
    const problem = listProblem(json.manifests, 'manifests');
    return problem === undefined ? { kind: 'index', index: json as unknown as Index } : fail(problem);
  }
  const config = descriptorProblem(json.config);
  const subject = json.subject === undefined ? undefined : descriptorProblem(json.subject);
  const problem =
    (config && `config ${config}`) ?? listProblem(json.layers, 'layers') ?? (subject && `subject ${subject}`);
  return problem === undefined ? { kind: 'manifest', manifest: json as unknown as Manifest } : fail(problem);
}

/** Whether a value is a descriptor as {@link parseDocument} accepts it. */
export function isDescriptor(value: unknown): value is Descriptor {
  return descriptorProblem(value) === undefined;
}

function listProblem(value: unknown, field: string): string | undefined {
  if (!Array.isArray(value)) return `${field} is not a list`;
  for (const [i, item] of value.entries()) {
    const problem = descriptorProblem(item);
    if (problem !== undefined) return `${field}[${i}] ${problem}`;
  }
  return undefined;
}

function descriptorProblem(value: unknown): string | undefined {
  if (!isObject(value)) return 'is not a descriptor';
  if (typeof value.mediaType !== 'string') return 'has no mediaType';
  if (typeof value.digest !== 'string' || !isDigest(value.digest)) return 'has no valid digest';
  if (!Number.isSafeInteger(value.size) || (value.size as number) < 0) return 'has no valid size';
  if (!isOptionalString(value.artifactType)) return 'has an artifactType that is not a string';
  if (!isAnnotations(value.annotations)) return 'has annotations that are not strings';
  const p = value.platform;
  if (p === undefined) return undefined;
  const known = isObject(p) && typeof p.os === 'string' && typeof p.architecture === 'string';
  const ok = known && isOptionalString(p.variant) && isOptionalString(p['os.version']);
  return ok ? undefined : 'has a platform that is not valid';
}

function isOptionalString(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

function isAnnotations(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return isObject(value) && Object.values(value).every((v) => typeof v === 'string');
}

/** A JSON object: neither null nor a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
