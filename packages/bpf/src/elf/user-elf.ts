import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { BpfError } from '../errors.ts';

/** A section of a program or library. */
export interface UserSection {
  readonly name: string;
  /** `SHT_…` of elf(5). */
  readonly type: number;
  /** Index of the section that belongs to it, such as a symbol table's strings. */
  readonly link: number;
  /** Reads its bytes. */
  data(): DataView;
}

/** An open ELF64 file of this byte order, of which only what is asked for is read: Node itself has 100 MB. */
export interface UserElf {
  readonly sections: readonly UserSection[];
  /** Where in the file the byte of a virtual address is; undefined outside of all segments. */
  fileOffset(address: bigint): bigint | undefined;
}

const MAGIC = 0x7f454c46;
/** Of a pipe, which is none, nobody waits for a writer. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;
const PT_LOAD = 1;
const SHT_NOBITS = 8;

/**
 * Opens a program or a library for the time of `work`.
 *
 * @throws {BpfError} `SKEP_ATTACH` when it cannot be read or is no ELF64 file of this byte order
 */
export function withUserElf<T>(path: string, work: (elf: UserElf) => T): T {
  let fd: number;
  try {
    fd = openSync(path, READ);
  } catch (cause) {
    throw unreadable(path, (cause as Error).message, cause);
  }
  try {
    return work(read(path, fd));
  } finally {
    closeSync(fd);
  }
}

/** Whether there is a file that begins as programs and libraries do, of any kind; undefined when it may not be read. */
export function beginsAsElf(path: string): boolean | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, READ);
    if (!fstatSync(fd).isFile()) return false;
    const first = Buffer.alloc(4);
    return readSync(fd, first, 0, 4, 0) === 4 && first.readUInt32BE() === MAGIC;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function read(path: string, fd: number): UserElf {
  const file = fstatSync(fd);
  if (!file.isFile()) throw unreadable(path, 'it is no file');
  const { size } = file;
  const at = (offset: bigint | number, length: bigint | number): DataView => {
    const [from, bytes] = [Number(offset), Number(length)];
    if (from + bytes > size) throw unreadable(path, 'it is cut short');
    const data = new Uint8Array(bytes);
    readSync(fd, data, 0, bytes, from);
    return new DataView(data.buffer);
  };
  if (size < 64) throw unreadable(path, 'it is no ELF file');
  const header = at(0, 64);
  if (header.getUint32(0) !== MAGIC || header.getUint8(4) !== 2 || header.getUint8(5) !== 1)
    throw unreadable(path, 'it is no 64-bit ELF file of this byte order');
  const segments = at(header.getBigUint64(32, true), header.getUint16(56, true) * 56);
  const loads: { from: bigint; to: bigint; shift: bigint }[] = [];
  for (let i = 0; i < segments.byteLength; i += 56) {
    if (segments.getUint32(i, true) !== PT_LOAD) continue;
    const word = (o: number) => segments.getBigUint64(i + o, true);
    loads.push({ from: word(16), to: word(16) + word(32), shift: word(8) - word(16) });
  }
  const table = at(header.getBigUint64(40, true), header.getUint16(60, true) * 64);
  const bytesOf = (i: number): DataView =>
    table.getUint32(i + 4, true) === SHT_NOBITS
      ? new DataView(new ArrayBuffer(0))
      : at(table.getBigUint64(i + 24, true), table.getBigUint64(i + 32, true));
  const nameTable = header.getUint16(62, true) * 64;
  const names = nameTable + 64 <= table.byteLength ? bytesOf(nameTable) : new DataView(new ArrayBuffer(0));
  const sections: UserSection[] = [];
  for (let i = 0; i < table.byteLength; i += 64) {
    sections.push({
      name: textAt(names, table.getUint32(i, true)),
      type: table.getUint32(i + 4, true),
      link: table.getUint32(i + 40, true),
      data: () => bytesOf(i),
    });
  }
  return {
    sections,
    fileOffset(address) {
      const load = loads.find((l) => address >= l.from && address < l.to);
      return load && address + load.shift;
    },
  };
}

/** The text that begins at a byte of a string table and ends with a zero. */
export function textAt(view: DataView, start: number): string {
  const bytes = new Uint8Array(view.buffer);
  if (start >= bytes.length) return '';
  const end = bytes.indexOf(0, start);
  return Buffer.from(bytes.subarray(start, end < 0 ? undefined : end)).toString('latin1');
}

function unreadable(path: string, why: string, cause?: unknown): BpfError {
  return new BpfError('SKEP_ATTACH', `${path} cannot be read as a program: ${why}`, {
    hint: 'A program or a library is wanted, such as /bin/bash or libc.so.6.',
    object: path,
    cause,
  });
}
