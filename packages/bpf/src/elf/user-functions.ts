import { readdirSync, readFileSync } from 'node:fs';
import { BpfError } from '../errors.ts';
import { isThere } from '../kernel/there.ts';
import { beginsAsElf, textAt, withUserElf } from './user-elf.ts';

/** A function of a program or library, and where in the file its code begins. */
export interface UserFunction {
  readonly name: string;
  /** Bytes from the start of the file, which is how the kernel wants it. */
  readonly fileOffset: bigint;
}

const SHT_SYMTAB = 2;
const SHT_DYNSYM = 11;
/** Not STT_GNU_IFUNC: what such a symbol names is the function that chooses one, not the one that is called. */
const STT_FUNC = 2;

/**
 * The functions that a file names in its two symbol tables, a name once, in the file's order.
 *
 * @throws {BpfError} `SKEP_ATTACH` when it cannot be read as a program
 */
export function userFunctions(path: string): UserFunction[] {
  return withUserElf(path, (elf) => {
    const out = new Map<string, bigint>();
    for (const section of elf.sections) {
      const strings = elf.sections[section.link];
      if ((section.type !== SHT_SYMTAB && section.type !== SHT_DYNSYM) || !strings) continue;
      const symbols = section.data();
      const names = strings.data();
      for (let s = 0; s + 24 <= symbols.byteLength; s += 24) {
        if ((symbols.getUint8(s + 4) & 15) !== STT_FUNC || symbols.getUint16(s + 6, true) === 0) continue;
        const offset = elf.fileOffset(symbols.getBigUint64(s + 8, true));
        const name = textAt(names, symbols.getUint32(s, true));
        if (offset !== undefined && name !== '' && !out.has(name)) out.set(name, offset);
      }
    }
    return [...out].map(([name, fileOffset]) => ({ name, fileOffset }));
  });
}

/**
 * Where the loader would find it: a path as it is, `libc.so.6` among the libraries, `bash` on the PATH; `libssl` is the newest
 * `libssl.so…`, as Inspektor Gadget names libraries. What is nowhere there may be in the current folder.
 */
export function findUserFile(name: string): string {
  if (name.includes('/')) return name;
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const libraries = [`/lib/${machine}-linux-gnu`, `/usr/lib/${machine}-linux-gnu`];
  const folders = /\.so(\.|$)/.test(name)
    ? [...paths('LD_LIBRARY_PATH'), ...libraries, '/lib64', '/usr/lib64', '/lib', '/usr/lib']
    : [...paths('PATH'), '/usr/bin', '/usr/sbin', '/bin', '/sbin'];
  const found = folders.map((dir) => `${dir}/${name}`).find((file) => isThere(file));
  if (found !== undefined) return found;
  const here = isThere(`./${name}`) ? `./${name}` : name;
  if (!/^lib[^.]+$/.test(name)) return here;
  const file = libraries
    .flatMap((dir) => namesIn(dir).map((entry) => ({ dir, entry })))
    .filter(({ entry }) => entry === `${name}.so` || entry.startsWith(`${name}.so.`))
    .sort((a, b) => a.entry.localeCompare(b.entry, 'en', { numeric: true }))
    .at(-1);
  return file ? `${file.dir}/${file.entry}` : here;
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return []; // not every system has each of these folders
  }
}

function paths(variable: string): string[] {
  return (process.env[variable] ?? '').split(':').filter(Boolean);
}

/**
 * The file of a process that has a USDT probe: its program, or a library that it has mapped. The path leads through
 * /proc, so that it is the process's own file also when that lives in a container.
 *
 * @throws {BpfError} `SKEP_ATTACH` when there is no such process or none of its files has the probe
 */
export function usdtFileOf(pid: number, provider: string, probe: string, program: string): string {
  let maps: string;
  try {
    maps = readFileSync(`/proc/${pid}/maps`, 'latin1');
  } catch (cause) {
    throw new BpfError('SKEP_ATTACH', `Program "${program}" cannot be attached: there is no process ${pid}`, {
      hint: 'It may have ended; check the pid.',
      object: program,
      cause,
    });
  }
  const files = new Set([...maps.matchAll(/^\S+ ..x. \S+ \S+ \d+ +(\/.*)$/gm)].map((m) => m[1]!));
  for (const file of files) {
    const path = `/proc/${pid}/root${file}`;
    // What is mapped to be run need be no ELF file.
    if (beginsAsElf(path) && usdtProbes(path).names.includes(`${provider}:${probe}`)) return path;
  }
  throw new BpfError(
    'SKEP_ATTACH',
    `Program "${program}" cannot be attached: no file of process ${pid} has the probe ${provider}:${probe}`,
    { hint: `readelf -n lists the probes of a file; its files are in /proc/${pid}/maps.`, object: program },
  );
}

/** The USDT probes that a file says it has. */
export interface UsdtProbes {
  /** As `provider:name`, in the file's order. */
  readonly names: readonly string[];
  /** What follows them cannot be read: the lengths of a note lead out of where notes are. */
  readonly damaged: boolean;
}

/**
 * The USDT probes of a file.
 *
 * @throws {BpfError} `SKEP_ATTACH` when it cannot be read as a program
 */
export function usdtProbes(path: string): UsdtProbes {
  return withUserElf(path, (elf) => {
    const section = elf.sections.find((s) => s.name === '.note.stapsdt');
    return section ? probesOf(section.data()) : { names: [], damaged: false };
  });
}

/** A note is two lengths, a type, its name and what it says: three addresses, then provider, probe and arguments. */
function probesOf(notes: DataView): UsdtProbes {
  const names: string[] = [];
  let at = 0;
  while (at + 12 <= notes.byteLength) {
    const said = at + 12 + align4(notes.getUint32(at, true));
    const next = said + align4(notes.getUint32(at + 4, true));
    // Whoever wrote the file wrote its lengths.
    if (next > notes.byteLength) break;
    const provider = textAt(notes, said + 24);
    const probe = textAt(notes, said + 24 + Buffer.byteLength(provider, 'latin1') + 1);
    names.push(`${provider}:${probe}`);
    at = next;
  }
  return { names, damaged: at < notes.byteLength };
}

function align4(length: number): number {
  return Math.ceil(length / 4) * 4;
}
