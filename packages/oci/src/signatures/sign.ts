import { printable } from '../errors.ts';
import { CREATED, type Descriptor, type Manifest, MEDIA_TYPE } from '../types.ts';
import { BUNDLE_TYPE, bundleOf, EMPTY_TYPE, makeBundle, PREDICATE_ANNOTATION } from './bundle.ts';
import type { PrivateKey } from './keys.ts';
import { type Attached, isUnusable, type SignaturePlace } from './place.ts';
import { SIMPLE_SIGNING_TYPE, signatureTag, signSimple, simplePayload } from './simple-signing.ts';
import { makeStatement, SIGN_PREDICATE } from './statement.ts';

/** The two forms in which cosign keeps signatures: a bundle that refers to the image, and the older tag. */
export const SIGNATURE_FORMATS = ['bundle', 'tag'] as const;
export type SignatureFormat = (typeof SIGNATURE_FORMATS)[number];

/**
 * Signs an image and attaches the signature beside it.
 *
 * @param image the manifest or index that is signed
 * @param name the image's name without tag; the older form says it
 */
export async function signImage(
  place: SignaturePlace,
  image: Descriptor,
  name: string,
  key: PrivateKey,
  format: SignatureFormat,
): Promise<void> {
  if (format === 'bundle') return attachBundle(place, image, makeBundle(image.digest, key), SIGN_PREDICATE);
  await attachSimple(place, image, name, key);
}

/**
 * Says something of an image, signs it, and attaches it beside the image: what `cosign attest` does.
 *
 * @param image the manifest or index that it is attached to
 * @param also further manifests that it speaks of, as the platforms of an index
 */
export async function attestImage(
  place: SignaturePlace,
  image: Descriptor,
  also: readonly string[],
  { predicateType, predicate }: { predicateType: string; predicate: object },
  key: PrivateKey,
): Promise<void> {
  const statement = makeStatement([image.digest, ...also], predicateType, predicate);
  await attachBundle(place, image, bundleOf(statement, key), predicateType);
}

/** https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md */
async function attachBundle(
  place: SignaturePlace,
  image: Descriptor,
  bundle: Uint8Array,
  predicateType: string,
): Promise<void> {
  const layer = await place.putBlob(bundle, BUNDLE_TYPE);
  const config = await place.putBlob(Buffer.from('{}'), EMPTY_TYPE);
  const { mediaType, digest, size } = image;
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    artifactType: BUNDLE_TYPE,
    config: { ...config, artifactType: BUNDLE_TYPE },
    layers: [layer],
    subject: { mediaType, digest, size },
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      [PREDICATE_ANNOTATION]: predicateType,
      [CREATED]: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    },
  };
  await place.attach(digest, { bytes: Buffer.from(JSON.stringify(manifest)), manifest });
}

/** All signatures of this form are layers of one manifest; a further one is a further layer. */
async function attachSimple(
  place: SignaturePlace,
  image: Descriptor,
  name: string,
  key: PrivateKey,
): Promise<void> {
  const payload = simplePayload(image.digest, printable(name));
  const before = await olderOf(place, image.digest);
  const layer = {
    ...(await place.putBlob(payload, SIMPLE_SIGNING_TYPE)),
    annotations: signSimple(payload, key),
  };
  const layers = [...(before?.manifest.layers ?? []), layer];
  // What cosign writes: the configuration of a container image, whose layers are the payloads.
  const config = {
    architecture: '',
    created: '0001-01-01T00:00:00Z',
    os: '',
    rootfs: { type: 'layers', diff_ids: layers.map((l) => l.digest) },
    config: {},
  };
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: await place.putBlob(
      Buffer.from(JSON.stringify(config)),
      'application/vnd.oci.image.config.v1+json',
    ),
    layers,
  };
  const tag = signatureTag(image.digest);
  await place.attach(image.digest, { bytes: Buffer.from(JSON.stringify(manifest)), manifest, tag });
}

async function olderOf(place: SignaturePlace, digest: string): Promise<Attached | undefined> {
  for await (const attached of place.attached(digest)) if (attached.tag !== undefined) return attached;
  return undefined;
}

/**
 * Copies what is attached to a digest from one place to another; what is there already stays, what cannot be used is left out.
 *
 * @returns how many
 */
export async function copySignatures(
  from: SignaturePlace,
  to: SignaturePlace,
  digest: string,
): Promise<number> {
  let copied = 0;
  for await (const one of from.attached(digest)) if (await copyOne(from, to, digest, one)) copied++;
  return copied;
}

async function copyOne(
  from: SignaturePlace,
  to: SignaturePlace,
  digest: string,
  one: Attached,
): Promise<boolean> {
  const blobs: [Uint8Array, string][] = [];
  try {
    for (const blob of [one.manifest.config, ...one.manifest.layers])
      blobs.push([await from.readBlob(blob), blob.mediaType]);
  } catch (e) {
    if (isUnusable(e)) return false;
    throw e;
  }
  for (const [bytes, mediaType] of blobs) await to.putBlob(bytes, mediaType);
  await to.attach(digest, one);
  return true;
}
