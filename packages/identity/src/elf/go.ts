import { copied } from '../copied.ts';
import type { ElfFile } from './file.ts';

/** What the Go linker wrote into a program: debug/buildinfo's subject. */
export interface GoBuild {
  /** `go1.26.8` */
  version: string;
  /** Import path of the main package: `github.com/acme/shop/cmd/server`. Absent in a stripped-down or very old build. */
  path?: string;
  /** The main module and its version; `(devel)` when it was built in its own checkout. */
  module?: { path: string; version: string };
  /** How many modules it contains; 0 where it does not say. */
  modules: number;
  /** Those of them that trace, to their versions: all of a program's take 50 KB, and a test run may be ten thousand programs. */
  dependencies: ReadonlyMap<string, string>;
}

const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1');
const ALIGN = 16;
const LONGEST_VERSION = 256;
const LONGEST_INFO = 1024 * 1024;
const TRACING = /opentelemetry|datadog/i;
const MOST_DEPENDENCIES = 64;
/** The marks of 16 bytes around the module information (cmd/go/internal/modload). */
const MARK = 16;

/**
 * Reads .go.buildinfo: https://pkg.go.dev/debug/buildinfo. Since Go 1.18 the strings follow the header; before, two
 * pointers lead to them. Without section headers the block is looked for where Go's own reader looks: at the beginning
 * of the data segment.
 */
export function readGoBuild(elf: ElfFile): GoBuild | undefined {
  const at = findBlock(elf);
  if (at === undefined) return undefined;
  const head = elf.read(at, 32);
  if (head.length < 32) return undefined;
  const [version, info] = (head[15]! & 2) !== 0 ? inlined(elf, at + 32) : pointed(elf, head);
  if (version === '') return undefined;
  return { version: copied(version.split(' ', 1)[0]!), ...parseModules(info) };
}

function findBlock(elf: ElfFile): number | undefined {
  const section = elf.section('.go.buildinfo');
  const data = elf.segments.find((s) => s.writable);
  const from = section?.offset ?? data?.offset;
  if (from === undefined) return undefined;
  const size = Math.min(section?.size ?? data!.fileSize, 1024 * 1024);
  const bytes = elf.read(from, section === undefined ? size : Math.min(size, 4096));
  for (let i = bytes.indexOf(MAGIC); i >= 0; i = bytes.indexOf(MAGIC, i + 1)) {
    if (i % ALIGN === 0) return from + i;
  }
  return undefined;
}

function inlined(elf: ElfFile, at: number): [string, string] {
  const [version, next] = prefixed(elf, at, LONGEST_VERSION);
  const [info] = prefixed(elf, next, LONGEST_INFO);
  return [version.toString('utf8'), unmarked(info)];
}

/** A string behind its length (a varint). */
function prefixed(elf: ElfFile, at: number, longest: number): [Buffer, number] {
  const head = elf.read(at, 5);
  let length = 0;
  let n = 0;
  while (n < head.length) {
    const byte = head[n]!;
    length += (byte & 0x7f) * 2 ** (7 * n++);
    if (byte < 0x80) break;
  }
  if (length > longest) return [Buffer.alloc(0), at + n];
  return [elf.read(at + n, length), at + n + length];
}

function pointed(elf: ElfFile, head: Buffer): [string, string] {
  const width = head[14]!;
  if (width !== 4 && width !== 8) return ['', ''];
  const little = (head[15]! & 1) === 0;
  const number = (b: Buffer, o: number): number => {
    if (o + width > b.length) return 0;
    if (width === 4) return little ? b.readUInt32LE(o) : b.readUInt32BE(o);
    return Number(little ? b.readBigUInt64LE(o) : b.readBigUInt64BE(o));
  };
  const text = (header: number, longest: number): Buffer => {
    const pair = elf.atAddress(header, 2 * width);
    const length = number(pair, width);
    return length > 0 && length <= longest ? elf.atAddress(number(pair, 0), length) : Buffer.alloc(0);
  };
  const version = text(number(head, 16), LONGEST_VERSION);
  return [version.toString('utf8'), unmarked(text(number(head, 16 + width), LONGEST_INFO))];
}

function unmarked(info: Buffer): string {
  const marked = info.length >= 2 * MARK + 1 && info[info.length - MARK - 1] === 0x0a;
  return marked ? info.toString('utf8', MARK, info.length - MARK) : '';
}

function parseModules(info: string): Omit<GoBuild, 'version'> {
  const dependencies = new Map<string, string>();
  let path: string | undefined;
  let module: { path: string; version: string } | undefined;
  let modules = 0;
  let last: string | undefined;
  for (const line of info.split('\n')) {
    const [what, name, version] = line.split('\t');
    if (name === undefined) continue;
    if (what === 'path') path = copied(name);
    else if (what === 'mod') module = { path: copied(name), version: copied(version ?? '') };
    else if (what === 'dep') {
      modules++;
      last = TRACING.test(name) && dependencies.size < MOST_DEPENDENCIES ? copied(name) : undefined;
      if (last !== undefined) dependencies.set(last, copied(version ?? ''));
    } else if (what === '=>' && last !== undefined) dependencies.set(last, copied(version ?? '')); // a replacement, its version
  }
  return { path, module, modules, dependencies };
}
