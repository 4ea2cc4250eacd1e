import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Store, type StoredImage, saveImages } from '@skep/oci';
import { type Layer, type LayerFile, putLayer } from '@skep/oci/container';
import { cachePath } from '../cache.ts';
import { CliError } from '../errors.ts';
import { note } from '../output/out.ts';
import { version } from '../version.ts';
import { type Architecture, fetchNode, nodePackage } from './node.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const notices = 'usr/share/doc/skep';

/** Where a container keeps its one probe. */
export const STORE_IN_CONTAINER = '/var/lib/skep/store';

/** Where the loader of each architecture's programs is looked for, and the folder that it finds libraries in. */
const places = {
  x64: { loader: 'lib64/ld-linux-x86-64.so.2', libraries: 'usr/lib/x86_64-linux-gnu' },
  arm64: { loader: 'lib/ld-linux-aarch64.so.1', libraries: 'usr/lib/aarch64-linux-gnu' },
} as const;

/**
 * Node and the libraries it needs: the one large layer, which does not change with the probe. Packing it takes seconds, so
 * it is kept in the user's cache.
 *
 * @throws CliError SKEP_NODE_PACKAGE, SKEP_NOT_BUILT
 */
export async function nodeLayer(store: Store, arch: Architecture): Promise<Layer> {
  const libraries = await built(`packages/cli/build/linux-${arch}`, arch);
  const { version: node, integrity } = nodePackage(arch);
  const key = process.getBuiltinModule('node:crypto').createHash('sha256').update(integrity);
  for (const path of libraries) key.update(await readFile(path));
  const kept = cachePath('package', `node-${node}-${arch}-${key.digest('hex').slice(0, 16)}`);
  const before = await fromCache(store, kept);
  if (before) return before;
  note(`fetching Node ${node} for ${arch}`);
  const { program, license } = await fetchNode(arch);
  const { loader, libraries: folder } = places[arch];
  const text = (path: string, content: string) => ({ path, content: Buffer.from(content) });
  const layer = await putLayer(store, [
    { path: 'usr/bin/node', content: program, executable: true },
    { path: `${notices}/node.LICENSE`, content: license },
    ...libraries.map((file) => {
      const name = file.slice(file.lastIndexOf('/') + 1);
      const path = loader.endsWith(`/${name}`) ? loader : `${folder}/${name}`;
      return { path, content: { file }, executable: true };
    }),
    text('etc/passwd', 'root:x:0:0:root:/root:/sbin/nologin\n'),
    text('etc/group', 'root:x:0:\n'),
    text('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
  ]);
  await keep(`${kept}.tar.gz`, createReadStream(store.blobPath(layer.descriptor.digest)));
  await keep(`${kept}.json`, JSON.stringify(layer));
  return layer;
}

/** skep itself for an architecture, and `/usr/bin/skep`: there is no shell in the container to find a Node. */
export async function skepLayer(store: Store, arch: Architecture): Promise<Layer> {
  const dist = await built('packages/cli/dist', arch);
  const addon = await built(`packages/bpf/build/linux-${arch}`, arch);
  // For `skep agent`. A checkout has those of its own architecture, a released package both.
  const probes = await filesOf(`packages/agent/build/linux-${arch}`);
  const texts = ['LICENSE', 'THIRD-PARTY-NOTICES'].map((f) => join(root, f)).filter((f) => existsSync(f));
  const start = "#!/usr/bin/node\nimport('/usr/lib/skep/packages/cli/dist/main.js');\n";
  const files: LayerFile[] = [...dist, ...addon, ...probes].map((file) => ({
    path: `usr/lib/skep/${file.slice(root.length)}`,
    content: { file },
  }));
  for (const file of texts) files.push({ path: `${notices}/${file.slice(root.length)}`, content: { file } });
  const manifest = JSON.stringify({ name: 'skep', version, type: 'module' });
  files.push({ path: 'usr/lib/skep/package.json', content: Buffer.from(manifest) });
  files.push({ path: 'usr/bin/skep', content: Buffer.from(start), executable: true });
  return putLayer(store, files);
}

/**
 * A probe as a store that holds it alone, with all its platforms that are here and its signatures: nobody is asked for it
 * when the container runs. The same for every architecture.
 */
export async function probeLayer(store: Store, probe: StoredImage): Promise<Layer> {
  const { filesInTar } = await import('@skep/oci/tar');
  const pieces: Uint8Array[] = [];
  for await (const piece of saveImages(store, [probe.reference])) pieces.push(piece);
  const stored = await filesInTar(Buffer.concat(pieces), 'refuse');
  const files: LayerFile[] = stored.map(({ name, bytes }) => ({
    path: `${STORE_IN_CONTAINER.slice(1)}/${name}`,
    content: name === 'index.json' ? withoutMarks(bytes) : bytes,
  }));
  files.push({ path: 'etc/skep/policy.yaml', content: Buffer.from(policyFor(probe)) });
  return putLayer(store, files);
}

/** Who packaged it has chosen this probe: no other is loaded in its place, and nobody is told that none was signed. */
function policyFor({ reference, descriptor }: StoredImage): string {
  return `rules:\n  - images: ${JSON.stringify(reference)}\n    digests: [${JSON.stringify(descriptor.digest)}]\n`;
}

/** That it was built here is this machine's knowledge, and would make a digest of its own on each. */
function withoutMarks(index: Uint8Array): Uint8Array {
  const document = JSON.parse(Buffer.from(index).toString('utf8'));
  for (const { annotations } of document.manifests) delete annotations?.['dev.skep.built'];
  return Buffer.from(JSON.stringify(document));
}

/** The files of a folder that `make` fills, or a package brings. */
async function built(folder: string, arch: Architecture): Promise<string[]> {
  const files = await filesOf(folder);
  if (files.length === 0)
    throw new CliError(
      'SKEP_NOT_BUILT',
      `skep for linux/${arch === 'x64' ? 'amd64' : arch} is not built in this checkout (${folder} is missing)`,
      arch === process.arch
        ? 'make builds it.'
        : `sh scripts/packages.sh cross && node scripts/cross.ts ${arch} builds it; --platform packages for another.`,
    );
  return files;
}

async function filesOf(folder: string): Promise<string[]> {
  const names = await readdir(join(root, folder)).catch(() => []);
  return names
    .filter((n) => !n.startsWith('.'))
    .sort()
    .map((n) => join(root, folder, n));
}

async function fromCache(store: Store, kept: string): Promise<Layer | undefined> {
  if (!existsSync(`${kept}.json`) || !existsSync(`${kept}.tar.gz`)) return undefined;
  try {
    const layer: Layer = JSON.parse(await readFile(`${kept}.json`, 'utf8'));
    const { descriptor } = layer;
    // The store compares it with the digest.
    await store.putBlob(createReadStream(`${kept}.tar.gz`), descriptor.mediaType, descriptor);
    return layer;
  } catch (error) {
    const { code } = error as { code?: string };
    if (!(error instanceof SyntaxError) && code !== 'SKEP_DIGEST_MISMATCH') throw error;
    note('what was kept of Node is damaged: it is fetched again');
    return undefined;
  }
}

/** Whole or not at all, whoever else packages at once. */
async function keep(path: string, content: string | NodeJS.ReadableStream): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}`;
  await writeFile(part, content as string);
  await rename(part, path);
}
