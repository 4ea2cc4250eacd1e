import { type Descriptor, MEDIA_TYPE, type Store } from '../../src/index.ts';

export const CONFIG_TYPE = 'application/ebpf.oci.image.config.v1+json';
export const PROGRAM_TYPE = 'application/ebpf.oci.image.program.v1+binary';

/** Stores an image with bee's media types. @returns its entry and all its digests */
export async function putTestImage(
  store: Store,
  ref: string,
  program: Uint8Array | string,
  annotations?: Record<string, string>,
): Promise<{ entry: Descriptor; digests: string[]; layer: Descriptor }> {
  const config = await store.putBlob(Buffer.from('{}'), CONFIG_TYPE);
  const layer = await store.putBlob(Buffer.from(program), PROGRAM_TYPE);
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config, layers: [layer], annotations };
  const entry = await store.putImage(ref, Buffer.from(JSON.stringify(manifest)), MEDIA_TYPE.manifest);
  return { entry, digests: [config.digest, layer.digest, entry.digest], layer };
}
