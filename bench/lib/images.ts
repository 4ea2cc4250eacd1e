/** Images that nothing but a list or a transfer looks into. */
import { randomFillSync } from 'node:crypto';
import { Store } from '@skep/oci';

const TYPE = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.dev.skep.probe.config.v1+json',
};

/** Puts images of one layer each into a store, as `skep build` would: an index, a manifest, a config that names a program. */
export async function putImages(dir: string, names: readonly string[], layerBytes: number): Promise<void> {
  const store = await Store.open(dir);
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const put = async (name: string): Promise<void> => {
    const layer = await store.putBlob(randomFillSync(Buffer.alloc(layerBytes)), 'application/octet-stream');
    const objects = [{ name: 'a.o', digest: layer.digest, programs: [{ name: 'on_enter' }] }];
    const said = { schemaVersion: 1, name, os: 'linux', architecture, objects };
    const config = await store.putBlob(Buffer.from(JSON.stringify(said)), TYPE.config);
    const manifest = { schemaVersion: 2, mediaType: TYPE.manifest, config, layers: [layer] };
    const entry = await store.putBlob(Buffer.from(JSON.stringify(manifest)), TYPE.manifest);
    const manifests = [{ ...entry, platform: { architecture, os: 'linux' } }];
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: TYPE.index, manifests }));
    await store.putImage(name, index, TYPE.index, {}, [entry, config, layer]);
  };
  // Many at once share the writing of index.json.
  for (let from = 0; from < names.length; from += 500)
    await Promise.all(names.slice(from, from + 500).map(put));
  await store.close();
}
