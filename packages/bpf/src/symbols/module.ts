import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { type ByteSource, FileBytes } from './bytes.ts';
import { demangle } from './demangle.ts';
import { ElfImage } from './elf-image.ts';
import { ElfSymbols } from './elf-symbols.ts';
import { GoSymbols } from './go-symbols.ts';
import type { FrameKind, FunctionTable, KnownFunction } from './types.ts';

const SHT_SYMTAB = 2;
const SHT_DYNSYM = 11;
/** Names remembered a module; then anew. */
const MAX_NAMES = 16_384;

/**
 * A program or library and its functions. Its file stays open, so that names are still there when the process, its
 * mount namespace or the file's name is gone; tables are read when the first address is looked up.
 */
export class Module {
  readonly #image: ElfImage;
  readonly #roots: readonly string[];
  readonly kind: FrameKind;
  #tables: FunctionTable[] | undefined;
  #debug: ByteSource | undefined;
  readonly #names = new Map<number, string>();

  /** @param roots folders below which `/usr/lib/debug` may have the module's separate symbols */
  constructor(image: ElfImage, roots: readonly string[]) {
    this.#image = image;
    this.#roots = roots;
    this.kind = image.sections.some((s) => s.name.endsWith('.gopclntab')) ? 'go' : 'native';
  }

  get buildId(): string | undefined {
    return this.#image.buildId;
  }

  /**
   * The function that holds the byte of the file at `offset`. `before`: the offset is where a call returns to, so the
   * byte before it is asked for; a call may be the last thing a function does.
   */
  find(offset: number, before: boolean): (KnownFunction & { distance: number }) | undefined {
    const address = this.#image.addressOf(offset);
    if (address === undefined) return undefined;
    this.#tables ??= this.#read();
    for (const table of this.#tables) {
      const found = table.find(before ? address - 1 : address);
      if (found) return { ...found, name: this.#name(found), distance: address - found.start };
    }
    return undefined;
  }

  close(): void {
    this.#image.source.close();
    this.#debug?.close();
  }

  #name({ name, start }: KnownFunction): string {
    let known = this.#names.get(start);
    if (known === undefined) {
      known = demangle(name);
      if (this.#names.size >= MAX_NAMES) this.#names.clear();
      this.#names.set(start, known);
    }
    return known;
  }

  /** All symbols are in `.symtab`, of the file or of its separate debug file; `.dynsym` has those that others call. */
  #read(): FunctionTable[] {
    const image = this.#image;
    const tables: FunctionTable[] = [];
    const full = elfSymbols(image, SHT_SYMTAB) ?? this.#separate();
    if (full) tables.push(full);
    const go = GoSymbols.read(image);
    if (go) tables.push(go);
    const dynamic = full ? undefined : elfSymbols(image, SHT_DYNSYM);
    if (dynamic) tables.push(dynamic);
    return tables;
  }

  #separate(): FunctionTable | undefined {
    const id = this.#image.buildId;
    if (id === undefined) return undefined;
    for (const root of this.#roots) {
      const fd = openRegular(`${root}/usr/lib/debug/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`);
      if (fd === undefined) continue;
      const source = new FileBytes(fd);
      const debug = ElfImage.read(source);
      const symbols = debug?.buildId === id ? elfSymbols(debug, SHT_SYMTAB) : undefined;
      if (symbols) {
        this.#debug = source;
        return symbols;
      }
      source.close();
    }
    return undefined;
  }
}

function elfSymbols(image: ElfImage, type: number): ElfSymbols | undefined {
  const section = image.sections.find((s) => s.type === type);
  const symbols = section && new ElfSymbols(image, section);
  return symbols && symbols.size > 0 ? symbols : undefined;
}

/**
 * Opens a regular file to read; undefined for one that is not there or may not be read. What lies in a container may be
 * a pipe or a device: opening must not wait, and reading them is not for us.
 */
export function openRegular(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  return undefined;
}
