import { createReadStream, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { tarEnd, tarHeader, tarPadding } from '../archive/tar-write.ts';
import { hasher } from '../digest.ts';
import type { Store } from '../store/store.ts';
import type { Descriptor } from '../types.ts';

/** A file of a container's root: its bytes, or the file of this machine that has them. */
export interface LayerFile {
  /** Relative to the root, with `/` between folders. */
  path: string;
  content: Uint8Array | { file: string };
  /** Whether it is a program. */
  executable?: boolean;
}

/** A layer in a store. */
export interface Layer {
  descriptor: Descriptor;
  /** Of the archive before it was packed, as a container's config names it. */
  diffId: string;
}

const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip';

/**
 * Stores files as a layer of a container: a gzipped tar in the order of the paths, with the folders that lead to them, all
 * of root's and of 1970. Same files, same digest.
 *
 * @throws OciError SKEP_DISK_FULL, SKEP_STORE_ACCESS
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md
 * @example await putLayer(store, [{ path: 'etc/motd', content: Buffer.from('hello\n') }])
 */
export async function putLayer(store: Store, files: readonly LayerFile[]): Promise<Layer> {
  const diff = hasher();
  const hashed = async function* () {
    for await (const piece of archive(files)) {
      diff.update(piece);
      yield piece;
    }
  };
  const tar = Readable.from(hashed(), { objectMode: false });
  const gzip = createGzip({ level: 6 });
  tar.on('error', (e) => gzip.destroy(e));
  const descriptor = await store.putBlob(tar.pipe(gzip), LAYER_TYPE);
  return { descriptor, diffId: diff.digest() };
}

async function* archive(files: readonly LayerFile[]): AsyncGenerator<Uint8Array> {
  const made = new Set<string>();
  for (const { path, content, executable = false } of [...files].sort(byPath)) {
    for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
      const folder = path.slice(0, at + 1);
      if (made.has(folder)) continue;
      made.add(folder);
      yield tarHeader(folder, 0, { type: '5', mode: 0o755 });
    }
    const size = content instanceof Uint8Array ? content.length : statSync(content.file).size;
    yield tarHeader(path, size, { mode: executable ? 0o755 : 0o644 });
    if (content instanceof Uint8Array) yield content;
    else yield* createReadStream(content.file, { end: Math.max(0, size - 1), highWaterMark: 1 << 20 });
    yield tarPadding(size);
  }
  yield tarEnd();
}

function byPath(a: LayerFile, b: LayerFile): number {
  return a.path < b.path ? -1 : 1;
}
