import { Readable } from 'node:stream';
import { OciError } from '../errors.ts';
import { archiveError } from './tar-read.ts';

// An image of compressed content shrinks little, one of text to a tenth. gzip reaches 1 to 1032, zstd more, and only for
// what is made to.
const MAX_RATIO = 100;
const FREE_BYTES = 64 * 1024 * 1024;
/** An archive unpacks to no more than this. */
export const MAX_ARCHIVE_BYTES = 16 * 1024 ** 3;

/**
 * The archive behind a stream: unpacked if it is gzip or zstd, as it is otherwise. What grows beyond all measure is cut off.
 *
 * @throws OciError SKEP_ARCHIVE_INVALID
 */
export async function* unpacked(
  data: AsyncIterable<Uint8Array>,
  most = MAX_ARCHIVE_BYTES,
): AsyncGenerator<Uint8Array> {
  let packed = 0;
  const counted = async function* () {
    for await (const piece of data) {
      packed += piece.length;
      yield piece;
    }
  };
  const input = counted();
  let first: Uint8Array = Buffer.alloc(0);
  while (first.length < 6) {
    const { done, value } = await input.next();
    if (done) break;
    first = Buffer.concat([first, value]);
  }
  const whole = async function* () {
    if (first.length > 0) yield first;
    yield* input;
  };
  const other = otherFormat(first);
  if (other !== undefined) throw archiveError(`it is packed with ${other}; unpack it first`);
  const packing = packingOf(first);
  let size = 0;
  for await (const piece of packing ? unpack(whole(), packing) : whole()) {
    size += piece.length;
    if (size > most) throw archiveError(`it holds more than ${most} bytes`);
    if (packing && size > FREE_BYTES && size > packed * MAX_RATIO) {
      throw archiveError(`it is a decompression bomb: ${packed} bytes have become ${size}`);
    }
    yield piece;
  }
}

function packingOf(first: Uint8Array): 'gzip' | 'zstd' | undefined {
  const magic = Buffer.from(first).toString('hex', 0, 4);
  if (magic.startsWith('1f8b')) return 'gzip';
  return magic === '28b52ffd' ? 'zstd' : undefined;
}

function otherFormat(first: Uint8Array): string | undefined {
  const magic = Buffer.from(first).toString('hex', 0, 6);
  if (magic === 'fd377a585a00') return 'xz';
  return magic.startsWith('425a68') ? 'bzip2' : undefined;
}

async function* unpack(
  data: AsyncIterable<Uint8Array>,
  packing: 'gzip' | 'zstd',
): AsyncGenerator<Uint8Array> {
  const { createGunzip, createZstdDecompress } = process.getBuiltinModule('node:zlib');
  const source = Readable.from(data);
  const unzip = (packing === 'gzip' ? createGunzip : createZstdDecompress)({ chunkSize: 256 * 1024 });
  source.on('error', (e) => unzip.destroy(e));
  source.pipe(unzip);
  try {
    yield* unzip as AsyncIterable<Buffer>;
  } catch (e) {
    if (e instanceof OciError || (e instanceof Error && 'syscall' in e)) throw e;
    throw archiveError(`its ${packing} is damaged (${e instanceof Error ? e.message : String(e)})`, e);
  } finally {
    source.destroy();
    unzip.destroy();
  }
}
