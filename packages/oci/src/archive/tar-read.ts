import { OciError, printable } from '../errors.ts';

const BLOCK = 512;
/** A pax header or a GNU long name of more bytes is made to exhaust us. */
const MAX_META = 64 * 1024;
const MAX_ENTRIES = 200_000;

/** A member of a tar archive. */
export interface TarEntry {
  name: string;
  /** The type letter: `0` a file, `5` a folder, `1` and `2` links, … */
  type: string;
  size: number;
  /** The content; to be read to its end, or not at all. */
  content: AsyncGenerator<Uint8Array>;
}

/** An archive that is refused. */
export function archiveError(why: string, cause?: unknown): OciError {
  return new OciError('SKEP_ARCHIVE_INVALID', `The archive is refused: ${why}.`, {
    hint: 'Make it again, with skep save, skopeo or docker save; if it comes from elsewhere, do not trust it.',
    cause,
  });
}

/**
 * Reads a tar archive (ustar, pax, GNU) as it streams by. Names are given as they stand there.
 *
 * @throws OciError SKEP_ARCHIVE_INVALID
 */
export async function* readTar(data: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const reader = new Reader(data);
  let pax: Record<string, string> = {};
  let longName: string | undefined;
  for (let n = 0; ; n++) {
    if (n > MAX_ENTRIES) throw archiveError('it has too many entries');
    const block = await reader.take(BLOCK, n === 0);
    if (block.every((b) => b === 0)) {
      if (n === 0) throw archiveError('it is empty');
      await reader.drain();
      return;
    }
    if (!checksumRight(block))
      throw archiveError(n === 0 ? 'it is no tar archive' : 'a header of it is damaged');
    const type = String.fromCharCode(block[156] || 48);
    const size = numeric(pax.size, block.subarray(124, 136));
    if (type === 'x' || type === 'g' || type === 'L' || type === 'K') {
      if (size > MAX_META) throw archiveError('a name in it is endless');
      const meta = await reader.take(size);
      await reader.skip(padding(size));
      if (type === 'x') pax = readPax(meta);
      else if (type === 'L') longName = text(meta);
      continue; // a global header says nothing of files, and a link's name does not matter: links are refused
    }
    const name = pax.path ?? longName ?? plainName(block);
    pax = {};
    longName = undefined;
    // Of links and folders, the size is no content.
    const bytes = '12345'.includes(type) ? 0 : size;
    let taken = false;
    const content = async function* () {
      taken = true;
      let rest = bytes;
      while (rest > 0) {
        const piece = await reader.some(rest);
        rest -= piece.length;
        yield piece;
      }
      await reader.skip(padding(bytes));
    };
    yield { name, type, size: bytes, content: content() };
    if (!taken) await reader.skip(bytes + padding(bytes));
  }
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function plainName(block: Buffer): string {
  const name = text(block.subarray(0, 100));
  // GNU's own format has other things where ustar has a prefix.
  const ustar = block.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = ustar ? text(block.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function text(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

function numeric(pax: string | undefined, field: Buffer): number {
  let value: number;
  if (pax !== undefined) value = /^\d{1,15}$/.test(pax) ? Number(pax) : Number.NaN;
  // GNU writes large sizes as binary numbers with the first bit set.
  else if (((field[0] as number) & 0x80) !== 0) value = Number(field.readBigUInt64BE(4));
  else {
    const digits = text(field).trim();
    value = /^[0-7]*$/.test(digits) ? Number.parseInt(digits || '0', 8) : Number.NaN;
  }
  if (Number.isSafeInteger(value)) return value;
  throw archiveError('a size in it is no number');
}

function readPax(meta: Buffer): Record<string, string> {
  const found: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let at = 0; at < meta.length; ) {
    const space = meta.indexOf(32, at);
    const length = Number(meta.toString('latin1', at, space < 0 ? at : space));
    const record = meta.toString('utf8', space + 1, at + length - 1);
    const equals = record.indexOf('=');
    if (!Number.isInteger(length) || length <= 0 || at + length > meta.length || equals < 1) {
      throw archiveError(`a pax header of it is damaged ("${printable(record, 20)}")`);
    }
    found[record.slice(0, equals)] = record.slice(equals + 1);
    at += length;
  }
  return found;
}

function checksumRight(block: Buffer): boolean {
  const said = Number.parseInt(text(block.subarray(148, 156)).trim(), 8);
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : (block[i] as number);
  return sum === said;
}

/** Bytes of a stream by number. */
class Reader {
  readonly #data: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(data: AsyncIterable<Uint8Array>) {
    this.#data = data[Symbol.asyncIterator]();
  }

  /** At least one byte and at most `most`. */
  async some(most: number): Promise<Buffer> {
    if (this.#rest.length === 0 && !(await this.#more())) throw archiveError('it ends in the middle');
    const piece = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }

  async take(count: number, first = false): Promise<Buffer> {
    while (this.#rest.length < count) {
      const before = this.#rest;
      this.#rest = Buffer.alloc(0);
      if (!(await this.#more())) {
        if (first) throw archiveError(before.length === 0 ? 'it is empty' : 'it is no tar archive');
        throw archiveError('it ends in the middle');
      }
      this.#rest = Buffer.concat([before, this.#rest]);
    }
    const piece = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return piece;
  }

  async skip(count: number): Promise<void> {
    for (let rest = count; rest > 0; ) rest -= (await this.some(rest)).length;
  }

  /** To the end: a pipe's writer must not be cut off, and what unpacks must see its checksum. */
  async drain(): Promise<void> {
    while (await this.#more());
    this.#rest = Buffer.alloc(0);
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#data.next();
    if (done) return false;
    this.#rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return value.length > 0 || this.#more();
  }
}
