import { Readable } from 'node:stream';
import { printable } from '../errors.ts';
import { archiveError, readTar } from './tar-read.ts';
import { tarEnd, tarHeader, tarPadding } from './tar-write.ts';
import { unpacked } from './unpack.ts';

/** A small file in an archive. */
export interface ArchivedFile {
  /** Relative, with `/` between folders. */
  name: string;
  bytes: Uint8Array;
}

/** An archive of small files, in the order of their names. It depends on nothing but names and contents. */
export function tarOf(files: readonly ArchivedFile[]): Uint8Array {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  const parts = sorted.flatMap(({ name, bytes }) => [
    tarHeader(name, bytes.length),
    bytes,
    tarPadding(bytes.length),
  ]);
  return Buffer.concat([...parts, tarEnd()]);
}

/**
 * The regular files of a small archive, which may be gzip or zstd. It may come from anywhere: names that lead out of a folder are
 * refused, and what unpacks to more than `most` bytes.
 *
 * @param others what to do with folders, links and devices: folders are always left out, the others `refuse`d or `skip`ped
 * @param only whether a name is wanted; what is not is passed over, whatever it is
 * @throws OciError SKEP_ARCHIVE_INVALID
 */
export async function filesInTar(
  archive: Uint8Array,
  others: 'refuse' | 'skip',
  most = 64 * 1024 * 1024,
  only: (name: string) => boolean = () => true,
): Promise<ArchivedFile[]> {
  const files = new Map<string, Uint8Array>();
  for await (const { name: said, type, content } of readTar(unpacked(Readable.from([archive]), most))) {
    const name = said.replace(/^(?:\.\/)+/, '');
    const shown = printable(said, 60);
    if (type === '5' || !only(name)) continue;
    if (type !== '0' && type !== '7') {
      if (others === 'skip') continue;
      throw archiveError(`"${shown}" is no regular file`);
    }
    if (
      name === '' ||
      name.startsWith('/') ||
      name.split('/').includes('..') ||
      /[\u0000-\u001f\\]/.test(name)
    )
      throw archiveError(`"${shown}" is no path inside it`);
    if (files.has(name)) throw archiveError(`it holds "${shown}" twice`);
    const pieces: Uint8Array[] = [];
    for await (const piece of content) pieces.push(piece);
    files.set(name, Buffer.concat(pieces));
  }
  return [...files].map(([name, bytes]) => ({ name, bytes }));
}
