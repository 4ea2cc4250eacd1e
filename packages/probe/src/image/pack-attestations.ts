import { ATTESTS, type Descriptor, type Manifest, MEDIA_TYPE, type Store } from '@skep/oci';
import { makeStatement, STATEMENT_TYPE } from '@skep/oci/signatures';
import type { Predicate } from '../attest/types.ts';

/**
 * Writes what is said of one manifest as docker's buildx does: a manifest whose layers are in-toto statements, and an entry
 * of the index that names the manifest it speaks of. Its platform is unknown, so that nobody takes it for an image.
 * https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
 *
 * @returns the entry, and the blobs that it needs
 */
export async function packAttestations(
  store: Store,
  subject: string,
  predicates: readonly Predicate[],
): Promise<{ entry: Descriptor; blobs: Descriptor[] }> {
  const layers: Descriptor[] = [];
  for (const { predicateType, predicate } of predicates) {
    const blob = await store.putBlob(makeStatement([subject], predicateType, predicate), STATEMENT_TYPE);
    layers.push({ ...blob, annotations: { 'in-toto.io/predicate-type': predicateType } });
  }
  const config = {
    architecture: 'unknown',
    os: 'unknown',
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map((l) => l.digest) },
  };
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: await store.putBlob(
      Buffer.from(JSON.stringify(config)),
      'application/vnd.oci.image.config.v1+json',
    ),
    layers,
  };
  const blob = await store.putBlob(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPE.manifest);
  const annotations = { [ATTESTS]: subject, 'vnd.docker.reference.type': 'attestation-manifest' };
  const entry = { ...blob, annotations, platform: { architecture: 'unknown', os: 'unknown' } };
  return { entry, blobs: [blob, manifest.config, ...layers] };
}
