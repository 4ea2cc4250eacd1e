import type { Btf } from '../btf/btf.ts';
import { mapDefinitions } from '../btf/map-definitions.ts';
import type { Elf } from '../elf/elf.ts';
import { BpfError } from '../errors.ts';
import type { BpfLink } from '../links/link.ts';
import { closeLinks } from '../links/link.ts';
import { BpfMap, type MapOwner } from '../maps/map.ts';
import { isNativeError, native, type ObjectHandle } from '../native.ts';
import { alikePrograms } from './alike.ts';
import { type GlobalVariable, globalVariables } from './globals.ts';
import { loadError, openError } from './load-error.ts';
import { shortNumbers } from './long-numbers.ts';
import { parseObject } from './parse.ts';
import { completeMaps, leaveOutTables, prepareMaps, prepareProgramTypes, setExtra } from './prepare.ts';
import { BpfProgram, type ProgramOwner } from './program.ts';
import { keepKernelTypes } from './types-kept.ts';

/**
 * One BPF object: opened from bytes, configured, loaded, closed.
 *
 * ```ts
 * using object = BpfObject.open(readFileSync('probe.o'), { name: 'probe' });
 * object.map('events').maxEntries = 1 << 20;
 * await object.load();
 * for (const program of object.programs) program.attach();
 * ```
 */
export class BpfObject implements Disposable {
  readonly name: string;
  readonly elf: Elf;
  readonly btf: Btf;
  /** From its `license` section; empty when it has none. */
  readonly license: string;
  readonly programs: readonly BpfProgram[];
  readonly maps: readonly BpfMap[];
  readonly globals: readonly GlobalVariable[];
  readonly #handle: ObjectHandle;
  readonly #links = new Set<BpfLink>();
  #programFds: number[] | undefined;
  #mapFds: number[] | undefined;
  /** For each program the number of the one that was loaded in its place; below 0: itself. */
  #sharing: readonly number[] = [];
  #state: 'open' | 'loading' | 'loaded' | 'failed' = 'open';
  #closed = false;

  private constructor(elf: Elf, btf: Btf, handle: ObjectHandle, name: string) {
    this.elf = elf;
    this.btf = btf;
    this.name = name;
    this.#handle = handle;
    this.license = cString(elf.section('license')?.data);
    const owner = this.#owner();
    const seen = native().objectDescribe(handle);
    const typed = prepareProgramTypes(handle, seen.programs);
    this.programs = seen.programs.map((p, i) => new BpfProgram(owner, i, p, typed[i]!));
    this.maps = completeMaps(handle, seen.maps).map((m, i) => BpfMap.ofObject(owner, i, m));
    this.globals = globalVariables(btf, elf);
  }

  /**
   * Opens an object from memory. The kernel is not asked for anything yet.
   *
   * `types` is the path of a BTF file that CO-RE relocations are answered from instead of the kernel's own types, for
   * kernels that have none ({@link minimalBtf}). It is read at load and must be there until then.
   * @throws {BpfError} `SKEP_ELF_INVALID`, `SKEP_ELF_ENDIAN`, `SKEP_ELF_MACHINE`, `SKEP_BTF_INVALID`,
   * `SKEP_BTF_MISSING`, `SKEP_LOAD` when libbpf cannot make sense of it, `SKEP_ADDON`
   */
  static open(bytes: Uint8Array, options: { name?: string; types?: string } = {}): BpfObject {
    const name = options.name ?? 'object';
    const { elf, btf } = parseObject(bytes, name);
    const short = shortNumbers(bytes, elf, btf);
    try {
      // The kernel keeps letters, digits, dots and underscores of an object's name, as prefix of .rodata.
      const handle = native().objectOpen(
        short.bytes,
        name.replace(/[^A-Za-z0-9_.]/g, '_'),
        options.types ?? null,
      );
      const object = new BpfObject(elf, btf, handle, name);
      setExtra(handle, object.maps, short.extra);
      refuseTables(object);
      refuseNamesakes(object);
      return object;
    } catch (cause) {
      if (!isNativeError(cause)) throw cause;
      throw openError(name, cause);
    }
  }

  /** @throws {BpfError} `SKEP_NOT_FOUND`, which names what there is */
  program(name: string): BpfProgram {
    return find(this.programs, name, 'program', this.name);
  }

  /** @throws {BpfError} `SKEP_NOT_FOUND`, which names what there is */
  map(name: string): BpfMap {
    return find(this.maps, name, 'map', this.name);
  }

  /** Whether {@link load} has succeeded. */
  get loaded(): boolean {
    return this.#state === 'loaded';
  }

  /**
   * Gives a global variable its value, before load. `bytes` are as long as the variable.
   * @throws {BpfError} `SKEP_NOT_FOUND`, `SKEP_ARGUMENT` when the length differs, `SKEP_STATE` after load
   */
  setGlobal(name: string, bytes: Uint8Array): void {
    const variable = find(this.globals, name, 'global variable', this.name);
    this.#beforeLoad(`the global variable "${name}"`);
    if (bytes.length !== variable.size) {
      throw new BpfError(
        'SKEP_ARGUMENT',
        `Global variable "${name}" of ${this.name} has ${variable.size} bytes, not ${bytes.length}`,
        { hint: `Its type is ${this.btf.nameOf(variable.typeId)}.`, object: name },
      );
    }
    const index = this.maps.findIndex((m) => m.internal && m.name.endsWith(variable.section));
    try {
      native().mapInitialWrite(this.#open(), index, variable.offset, bytes);
    } catch (cause) {
      if (!isNativeError(cause)) throw cause;
      throw new BpfError(
        'SKEP_BTF_INVALID',
        `Global variable "${name}" of ${this.name} does not lie within ${variable.section}`,
        { hint: 'The object contradicts itself: compile it again.', object: name, cause },
      );
    }
  }

  /**
   * Takes an existing map instead of making one, so that objects share it. Before load.
   * @throws {BpfError} `SKEP_MAP_CREATE` when the two do not fit together
   */
  reuseMap(name: string, map: number | BpfMap): void {
    const own = this.map(name);
    this.#beforeLoad(`the map "${name}"`);
    own.reuse(map);
  }

  /**
   * Loads maps and programs into the kernel, on a thread of libuv's pool.
   *
   * `logLevel` 1 or 2 asks the verifier for its log of programs it accepts too; {@link loadLog} has it then.
   *
   * Of the programs that `together` names, those that are the same to the verifier are loaded once, and each is attached where
   * it goes ({@link BpfProgram.sharedWith}). No two of them may go to one hook, which would run that program once.
   * @throws {BpfError} `SKEP_VERIFIER` (`object` is the program, `log` the verifier's whole log),
   * `SKEP_PERMISSION`, `SKEP_UNSUPPORTED`, `SKEP_MAP_CREATE`, `SKEP_RELOCATION`, `SKEP_LOAD`, `SKEP_STATE`
   */
  async load(options: { logLevel?: number; together?: readonly string[] } = {}): Promise<void> {
    const { logLevel = 0, together = [] } = options;
    this.#beforeLoad('it');
    const handle = this.#open();
    prepareMaps(handle, this.maps);
    leaveOutTables(handle, this.maps, this.programs);
    for (const p of this.programs) p.settleFunction();
    const wanted = together.map((n) => this.program(n)).filter((p) => p.autoload);
    const alike = wanted.length > 1 ? alikePrograms(this.elf, this.btf, wanted) : new Map<string, string>();
    const sharing = this.programs.map((p) => this.programs.findIndex((q) => q.name === alike.get(p.name)));
    sharing.forEach((first, i) => {
      if (first >= 0) native().programConfigure(handle, i, 'autoload', 0);
    });
    if (logLevel > 0)
      this.programs.forEach((_, i) => {
        native().programConfigure(handle, i, 'logLevel', logLevel);
      });
    this.#state = 'loading';
    let state: 'loaded' | 'failed' = 'failed';
    try {
      const fds = await native().objectLoad(handle, logLevel > 0);
      this.#open(); // close() may have been called meanwhile
      this.#programFds = fds.programs.map((fd, i) => fds.programs[sharing[i]!] ?? fd);
      this.#sharing = sharing;
      this.#mapFds = fds.maps;
      this.loadLog = fds.log;
      state = 'loaded';
    } catch (cause) {
      if (!isNativeError(cause)) throw cause;
      throw loadError(this, cause);
    } finally {
      this.#state = state;
      keepKernelTypes();
    }
  }

  /** What libbpf and the verifier said during a successful {@link load}: warnings, or all with a `logLevel`. */
  loadLog = '';

  /** The links of its programs that are not closed yet. */
  get links(): readonly BpfLink[] {
    return [...this.#links].filter((l) => !l.closed);
  }

  /**
   * Detaches its programs and frees everything; during {@link load} when that ends. Detaching may take tens
   * of milliseconds; {@link closeAsync} waits for it elsewhere. A second call does nothing.
   */
  close(): void {
    if (this.#closed) return;
    for (const link of this.#links) link.close();
    this.#finish();
  }

  /** {@link close} with the waiting done on a thread of libuv's pool. */
  async closeAsync(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await closeLinks([...this.#links]);
    this.#finish();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #finish(): void {
    this.#closed = true;
    this.#links.clear();
    native().objectClose(this.#handle);
  }

  #open(): ObjectHandle {
    if (!this.#closed) return this.#handle;
    throw new BpfError('SKEP_CLOSED', `${this.name} is closed`, {
      hint: 'Open it again; maps and programs of a closed object are gone.',
      object: this.name,
    });
  }

  #beforeLoad(what: string): void {
    this.#open();
    if (this.#state === 'open') return;
    const is = { loading: 'is being loaded', loaded: 'is loaded', failed: 'could not be loaded' }[
      this.#state
    ];
    throw new BpfError('SKEP_STATE', `${this.name} ${is}: ${what} can no longer change`, {
      hint: 'Configure an object between open() and load(); open it again to load it twice.',
      object: this.name,
    });
  }

  #fd(fds: number[] | undefined, index: number): number {
    this.#open();
    if (fds) return fds[index]!;
    throw new BpfError('SKEP_STATE', `${this.name} is not loaded yet`, {
      hint: 'Await load() first.',
      object: this.name,
    });
  }

  /** Its programs and maps reach it through this, so that the rest of its inside stays private. */
  #owner(): ProgramOwner & MapOwner {
    return {
      name: this.name,
      beforeLoad: (what) => this.#beforeLoad(what),
      handle: () => this.#open(),
      programFd: (i) => this.#fd(this.#programFds, i),
      sharing: (i) => this.programs[this.#sharing[i] ?? -1],
      mapFd: (i) => this.#fd(this.#mapFds, i),
      adopt: (link) => {
        // closed while the link was being made on the pool
        if (this.#closed) link.close();
        else this.#links.add(link);
      },
    };
  }
}

/** libbpf makes the tables of SEC(".struct_ops") itself; one that SEC(".maps") declares it follows to nowhere, and dies. */
function refuseTables(object: BpfObject): void {
  if (!object.maps.some((m) => m.type === 'struct_ops')) return;
  const names = new Set(mapDefinitions(object.btf, object.elf).map((m) => m.name));
  const table = object.maps.find((m) => m.type === 'struct_ops' && names.has(m.name));
  if (!table) return;
  object.close();
  throw new BpfError(
    'SKEP_LOAD',
    `${object.name}: its map "${table.name}" is declared as a struct_ops table`,
    {
      hint: 'A table is a variable: SEC(".struct_ops") struct tcp_congestion_ops name = { … };.',
      object: object.name,
    },
  );
}

/** Programs go by their names: what is found out of one would be taken for the other. */
function refuseNamesakes(object: BpfObject): void {
  const names = object.programs.map((p) => p.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  object.close();
  throw new BpfError('SKEP_LOAD', `Two programs of ${object.name} are called ${twice}`, {
    hint: 'No compiler writes that: get the object from who built it.',
    object: object.name,
  });
}

function cString(bytes: Uint8Array | undefined): string {
  if (!bytes) return '';
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function find<T extends { readonly name: string }>(
  all: readonly T[],
  name: string,
  kind: string,
  object: string,
): T {
  const found = all.find((x) => x.name === name);
  if (found) return found;
  throw new BpfError('SKEP_NOT_FOUND', `${object} has no ${kind} "${name}"`, {
    hint: all.length ? `It has: ${all.map((x) => x.name).join(', ')}.` : `It has no ${kind} at all.`,
    object: name,
  });
}
