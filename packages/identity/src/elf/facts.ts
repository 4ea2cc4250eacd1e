import { ElfFile, textAt } from './file.ts';
import { type GoBuild, readGoBuild } from './go.ts';

/** What is read once from a program's or library's file. */
export interface ElfFacts {
  go?: GoBuild;
  /** `1.75.0`, or `unknown` when only traces of Rust were left by strip. */
  rust?: string;
  /** Compiled ahead of time by .NET. */
  nativeDotnet: boolean;
  /** Libraries that it names. */
  needed: readonly string[];
  /** Versions that interpreters carry in their data, by runtime. */
  versions: Readonly<Partial<Record<'nodejs' | 'python' | 'ruby' | 'php', string>>>;
}

/** A runtime's version is in the first part of the read-only data, if it is found this way at all. */
const WINDOW = 4 * 1024 * 1024;

/** Texts that only the runtime itself has, with its version in them. */
const marks = {
  nodejs: { text: 'nodejs.org/download/release/v', version: /^(\d+\.\d+\.\d+[\w.-]*)\// },
  php: { text: 'X-Powered-By: PHP/', version: /^(\d+\.\d+\.\d+[\w.+~-]*)/ },
} as const;

/**
 * Reads what a program's file says about language and version: at most 16 MiB of it, never by running it.
 *
 * @param fd an open file, stays the caller's
 * @param hints the runtimes whose versions are worth the search
 */
export function readElfFacts(fd: number, hints: ReadonlySet<string>): ElfFacts | undefined {
  const elf = ElfFile.open(fd);
  if (elf === undefined) return undefined;
  const versions: Record<string, string> = {};
  const data = elf.section('.rodata');
  for (const [runtime, mark] of Object.entries(marks)) {
    if (!hints.has(runtime)) continue;
    const bytes = elf.bytesOf(data, WINDOW);
    const at = bytes.indexOf(mark.text, 0, 'latin1');
    const found =
      at < 0 ? undefined : mark.version.exec(textAt(bytes.subarray(at, at + 96), mark.text.length));
    if (found) versions[runtime] = found[1]!;
  }
  if (hints.has('python')) versions.python = pythonVersion(elf) ?? '';
  if (hints.has('ruby')) versions.ruby = symbolText(elf, 'ruby_version') ?? '';
  const go = readGoBuild(elf);
  return {
    go,
    rust: go === undefined ? rustVersion(elf) : undefined,
    nativeDotnet: elf.section('__managedcode') !== undefined || elf.section('.dotnet_eh_table') !== undefined,
    needed: elf.needed(),
    versions: Object.fromEntries(Object.entries(versions).filter(([, v]) => v !== '')),
  };
}

/** `Py_Version` (since 3.11) is PY_VERSION_HEX: 0x030b07f0 is 3.11.7. Before, the version is a text by itself. */
function pythonVersion(elf: ElfFile): string | undefined {
  const symbol = elf.dynamicSymbol('Py_Version');
  if (symbol !== undefined) {
    const hex = elf.fields(elf.atAddress(symbol.address, 8)).word(0);
    if (hex >>> 24 >= 3) return `${(hex >>> 24) & 255}.${(hex >>> 16) & 255}.${(hex >>> 8) & 255}`;
  }
  const data = elf.bytesOf(elf.section('.rodata'), WINDOW).toString('latin1');
  return /\0([23]\.\d{1,2}\.\d{1,2}(?:(?:a|b|rc)\d+)?\+?)\0/.exec(data)?.[1];
}

function symbolText(elf: ElfFile, name: string): string | undefined {
  const symbol = elf.dynamicSymbol(name);
  const text = symbol && textAt(elf.atAddress(symbol.address, 32), 0);
  return text !== undefined && /^\d+\.\d+/.test(text) ? text : undefined;
}

/** rustc signs .comment; when that is gone, panics still name the standard library's sources by its commit. */
function rustVersion(elf: ElfFile): string | undefined {
  const signed = /rustc version (\S+)/.exec(elf.bytesOf(elf.section('.comment'), 4096).toString('latin1'));
  if (signed !== null) return signed[1];
  const data = elf.bytesOf(elf.section('.rodata'), 1024 * 1024);
  const at = data.indexOf('/rustc/', 0, 'latin1');
  return at >= 0 && /^\/rustc\/[0-9a-f]{40}\//.test(data.toString('latin1', at, at + 64))
    ? 'unknown'
    : undefined;
}
