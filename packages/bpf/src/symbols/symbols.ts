import { pid } from 'node:process';
import { FileBytes, MemoryBytes } from './bytes.ts';
import { ElfImage } from './elf-image.ts';
import { KernelSymbols } from './kallsyms.ts';
import { type Mapping, moduleName } from './maps.ts';
import { Module } from './module.ts';
import { identityOf, ProcessView, type SeenProcess } from './process.ts';
import type { Frame } from './types.ts';

export interface SymbolOptions {
  /** Programs and libraries that are kept open; the one not used for longest leaves first. 256 unless said. */
  modules?: number;
  /** Processes whose mappings are kept. 1024 unless said. */
  processes?: number;
}

/** The kernel's symbols are read again for an address that is in none, at most this often: modules and BPF come and go. */
const KERNEL_MS = 10_000;

/**
 * Names for the addresses of stacks: of the kernel, of processes, of what their runtimes compile, in whatever mount
 * namespace they are. Nothing is read before the first address is asked for; all caches are bounded.
 *
 * ```ts
 * using symbols = new Symbols();
 * symbols.user(pid, [0x401136n, 0x7f12345n]).map(frameText);   // ['main+0x10 (app)', '__libc_start_main+0x80 (libc.so.6)']
 * ```
 */
export class Symbols {
  readonly #options: Required<SymbolOptions>;
  #kernel: KernelSymbols | undefined;
  #kernelRead = 0;
  /** Both in order of use. */
  readonly #modules = new Map<string, Module>();
  readonly #processes = new Map<number, ProcessView>();

  constructor(options: SymbolOptions = {}) {
    this.#options = { modules: 256, processes: 1024, ...options };
  }

  /** The kernel hides its addresses from this process, so that its frames have no names. */
  get kernelHidden(): boolean {
    return this.#kernelSymbols().hidden;
  }

  /** Frames of a kernel stack, innermost first as the kernel gives them. */
  kernel(addresses: readonly bigint[]): Frame[] {
    return addresses.map((address, i) => {
      // All but the innermost are where calls return to.
      const within = i === 0 ? address : address - 1n;
      let found = this.#kernelSymbols().find(within);
      if (!found && this.#kernelSymbols().size > 0 && performance.now() - this.#kernelRead > KERNEL_MS) {
        this.#kernel = undefined;
        found = this.#kernelSymbols().find(within);
      }
      if (!found) return { address, kind: 'kernel' };
      const offset = found.offset + Number(address - within);
      return { address, kind: 'kernel', name: found.name, offset, module: found.module };
    });
  }

  /**
   * Frames of a process's stack, innermost first. Where the process has ended unseen, nothing is known of them.
   *
   * @param seen from {@link Symbols.remember} when the stack was taken: another process may have the id by now
   */
  user(pid: number, addresses: readonly bigint[], seen?: SeenProcess): Frame[] {
    const process = seen instanceof ProcessView ? seen : this.#process(pid);
    return addresses.map((address, i) => this.#userFrame(process, address, i > 0));
  }

  /**
   * Looks at a process now, so that its stacks can be named after it has ended: at what it has mapped, and opens the
   * files of that. A fraction of a millisecond, less for what is known.
   */
  remember(pid: number): SeenProcess | undefined {
    const identity = identityOf(pid);
    const known = this.#processes.get(pid);
    // One that has just ended is most likely the one that was there.
    if (identity === undefined || known?.identity === identity) return known;
    const process = ProcessView.look(pid, identity);
    if (!process) return known;
    this.#forget(pid);
    this.#processes.set(pid, process);
    while (this.#processes.size > this.#options.processes) this.#forget(this.#processes.keys().next().value!);
    for (const mapping of process.mappings) if (mapping.file !== '') this.#module(process, mapping);
    return process;
  }

  /**
   * The function at an offset of the file with this build id, among the modules that are open: for stacks that the
   * kernel gives as build ids instead of addresses.
   */
  byBuildId(pid: number, buildId: string, offset: number, before: boolean, seen?: SeenProcess): Frame {
    const address = BigInt(offset);
    const process = seen instanceof ProcessView ? seen : this.#process(pid);
    for (const mapping of process?.mappings ?? []) {
      const module = this.#module(process!, mapping);
      if (module?.buildId === buildId)
        return moduleFrame(address, module, moduleName(mapping), offset, before);
    }
    return { address, kind: 'native', module: buildId, moduleOffset: offset };
  }

  close(): void {
    for (const module of this.#modules.values()) module.close();
    for (const process of this.#processes.values()) process.close();
    this.#modules.clear();
    this.#processes.clear();
    this.#kernel = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #kernelSymbols(): KernelSymbols {
    if (!this.#kernel) {
      this.#kernel = KernelSymbols.running();
      this.#kernelRead = performance.now();
    }
    return this.#kernel;
  }

  #process(pid: number): ProcessView | undefined {
    this.remember(pid);
    const process = this.#processes.get(pid);
    if (!process) return undefined;
    this.#processes.delete(pid);
    this.#processes.set(pid, process);
    return process;
  }

  #forget(pid: number): void {
    this.#processes.get(pid)?.close();
    this.#processes.delete(pid);
  }

  #userFrame(process: ProcessView | undefined, address: bigint, before: boolean): Frame {
    const at = Number(address);
    const mapping = Number.isSafeInteger(at) ? process?.mappingAt(at) : undefined;
    if (!process || !mapping) return { address, kind: 'native' };
    const module = this.#module(process, mapping);
    const offset = at - mapping.start + mapping.offset;
    if (module) return moduleFrame(address, module, moduleName(mapping), offset, before);
    const compiled = mapping.file === '' ? process.perfMap()?.find(before ? at - 1 : at) : undefined;
    if (compiled)
      return { address, kind: 'jit', name: compiled.name, offset: at - compiled.start, module: 'jit' };
    return { address, kind: 'native', module: moduleName(mapping), moduleOffset: offset };
  }

  /** The module behind a mapping, opened where it is not yet. */
  #module(process: ProcessView, mapping: Mapping): Module | undefined {
    // The kernel's own page is the same in all processes of this machine's kind.
    const key = mapping.path === '[vdso]' ? mapping.path : mapping.file;
    if (key === '') return undefined;
    let module = this.#modules.get(key);
    if (module) this.#modules.delete(key);
    else {
      module = openModule(process, mapping);
      if (!module) return undefined;
    }
    this.#modules.set(key, module);
    while (this.#modules.size > this.#options.modules) {
      const oldest = this.#modules.keys().next().value!;
      this.#modules.get(oldest)!.close();
      this.#modules.delete(oldest);
    }
    return module;
  }
}

function moduleFrame(
  address: bigint,
  module: Module,
  name: string | undefined,
  offset: number,
  before: boolean,
): Frame {
  const found = module.find(offset, before);
  if (!found) return { address, kind: module.kind, module: name, moduleOffset: offset };
  return { address, kind: module.kind, name: found.name, offset: found.distance, module: name };
}

/** Of a process that has ended, or that is not ours to read: in ours lies the same, where both are of 64 bits. */
function ownVdso({ start }: Mapping): Buffer | undefined {
  const own = start > 0xffff_ffff ? ProcessView.look(pid, '') : undefined;
  const mapping = own?.mappings.find((m) => m.path === '[vdso]');
  return mapping && own!.memory(mapping);
}

function openModule(process: ProcessView, mapping: Mapping): Module | undefined {
  if (mapping.path === '[vdso]') {
    const bytes = process.memory(mapping) ?? ownVdso(mapping);
    const image = bytes && ElfImage.read(new MemoryBytes(bytes));
    return image && new Module(image, []);
  }
  const fd = process.open(mapping);
  if (fd === undefined) return undefined;
  const source = new FileBytes(fd);
  const image = ElfImage.read(source);
  if (image) return new Module(image, [`/proc/${process.pid}/root`, '']);
  source.close();
  return undefined;
}
