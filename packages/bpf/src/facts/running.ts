import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { machine, release, version } from 'node:os';
import { Btf } from '../btf/btf.ts';
import { beginsAsElf } from '../elf/user-elf.ts';
import { findUserFile, usdtProbes, userFunctions } from '../elf/user-functions.ts';
import { BpfError } from '../errors.ts';
import { askHelpers, type Helpers } from '../features/helpers.ts';
import { type HookKind, hookKinds, probeHook, trampolinesRefused } from '../features/hooks.ts';
import { hasKernelBtf } from '../features/system.ts';
import { probeMapType, probeProgramType } from '../features/types.ts';
import { capabilities } from '../kernel/capabilities.ts';
import { isThere } from '../kernel/there.ts';
import { mapTypes, programTypes } from '../kernel/types.ts';
import { isNativeError, native } from '../native.ts';
import { runningConfig } from './config.ts';
import { hasSymbol, runningFunctions, runningSymbols } from './functions.ts';
import { runningTracepoints } from './tracepoints.ts';
import type { KernelFacts, NoProgram } from './types.ts';

const kinds = { typedef: 8, struct: 4, func: 12 } as const;

/** Not `x ??= …`: that it is not known is worth remembering, too. */
function once<T>(find: () => T): () => T {
  let found: { value: T } | undefined;
  return () => {
    found ??= { value: find() };
    return found.value;
  };
}

/**
 * Everything that can be known of the running kernel, each fact found out when it is first asked for (the lists of
 * functions take 50 to 100 ms, the types 15 ms). Without privileges much of it is undefined.
 */
export function runningKernel(): KernelFacts {
  const btf = once(() => (hasKernelBtf() ? kernelTypes() : undefined));
  const symbols = once(runningSymbols);
  const functions = once(() => runningFunctions(symbols()));
  const tracepoints = once(runningTracepoints);
  const config = once(runningConfig);
  const hooks = lazyHooks((kind) => probeHook(kind).available);
  const types = <T extends string>(all: readonly T[], probe: (type: T) => boolean | undefined) =>
    once(() => present(all.slice(1), probe));
  const ofPrograms = types(programTypes, (t) => probeProgramType(t).available);
  const helpers = new Map<string, () => Helpers | undefined>();
  const modules = once(() => (btf() ? loadedModules().map((m) => Btf.kernelModule(m)) : []));
  // A module that is not loaded has nothing to do with the next load; what is, libbpf looks through.
  const mentioned = once(() => loadedModules().map((m) => readFileSync(`/sys/kernel/btf/${m}`)));
  const ofMaps = types(mapTypes, (t) => probeMapType(t).available);
  return {
    ...identity(),
    get btf() {
      return btf();
    },
    get functions() {
      return functions();
    },
    hasSymbol(name) {
      const all = symbols();
      return all === undefined ? undefined : hasSymbol(all, name);
    },
    get tracepoints() {
      return tracepoints();
    },
    get config() {
      return config();
    },
    get configFile() {
      return isThere(`/boot/config-${release()}`) || isThere('/proc/config.gz');
    },
    hasModule: installed,
    userFunctions: (name) => inFile(name, (path) => userFunctions(path).map((f) => f.name)),
    usdtProbes: (name) => inFile(name, usdtProbes),
    hooks,
    get programTypes() {
      return ofPrograms();
    },
    get mapTypes() {
      return ofMaps();
    },
    helpers(type) {
      const asked = helpers.get(type) ?? once(() => (mayLoad() ? askHelpers(type) : undefined));
      helpers.set(type, asked);
      return asked();
    },
    modules,
    inModules: (name) => mentioned().some((names) => names.includes(`\0${name}\0`)),
  };
}

function inFile<T>(name: string, read: (path: string) => T): T | NoProgram {
  const path = findUserFile(name);
  if (!isThere(path)) return 'absent';
  if (beginsAsElf(path) === false) return 'no program';
  try {
    return read(path);
  } catch (e) {
    if (e instanceof BpfError) return 'unreadable';
    throw e;
  }
}

function mayLoad(): boolean {
  const have = capabilities();
  return have.has('CAP_SYS_ADMIN') || (have.has('CAP_BPF') && have.has('CAP_PERFMON'));
}

function installed(module: string): boolean | undefined {
  if (existsSync(`/sys/module/${module}`)) return true;
  const lists = ['modules.builtin', 'modules.dep'].map((list) => `/lib/modules/${release()}/${list}`);
  const there = lists.filter(isThere);
  if (there.length === 0) return undefined;
  return there.some((list) => readFileSync(list, 'utf8').includes(`/${module}.ko`));
}

/** Names of the modules that are loaded and have types. */
function loadedModules(): string[] {
  return existsSync('/sys/kernel/btf') ? readdirSync('/sys/kernel/btf').filter((n) => n !== 'vmlinux') : [];
}

/**
 * What can be known of the running kernel in a millisecond or two, for a program that is about to start: hooks, events,
 * and whether a type is there. The kernel's types are read where libbpf reads them for the next load, so that load has
 * them already. What is not known here the load or the attachment finds out.
 */
export function quickFacts(): KernelFacts {
  const tracepoints = once(runningTracepoints);
  const hasBtf = once(hasKernelBtf);
  const ask = <T>(question: () => T): T | undefined => {
    if (!hasBtf()) return undefined;
    try {
      return question();
    } catch (e) {
      if (!isNativeError(e)) throw e;
      return undefined;
    }
  };
  return {
    ...identity(),
    get tracepoints() {
      return tracepoints();
    },
    hasType: (name, kind) => ask(() => native().kernelTypeId(name, kinds[kind]) > 0),
    prototype(name, kind) {
      const text = ask(() => native().kernelPrototype(name, kinds[kind]));
      return text ? text.split('\n') : undefined;
    },
    hooks: lazyHooks((kind) => {
      if (kind === 'fentry' || kind === 'fexit' || kind === 'lsm')
        return hasKernelBtf() && trampolinesRefused() ? false : undefined;
      // By a look at the file system; the others attach something.
      return kind === 'kprobe' || kind === 'tracepoint' || kind === 'uprobe'
        ? probeHook(kind).available
        : undefined;
    }),
  };
}

function kernelTypes(): Btf | undefined {
  try {
    return Btf.kernel();
  } catch (e) {
    if (e instanceof BpfError && e.code === 'SKEP_BTF_MISSING') return undefined;
    throw e;
  }
}

function lazyHooks(probe: (kind: HookKind) => boolean | undefined): KernelFacts['hooks'] {
  const out = {};
  for (const kind of hookKinds) {
    Object.defineProperty(out, kind, { enumerable: true, get: once(() => probe(kind)) });
  }
  return out;
}

/** Those that are there; undefined when one of them could not be found out. */
function present<T extends string>(
  all: readonly T[],
  probe: (type: T) => boolean | undefined,
): ReadonlySet<string> | undefined {
  const found = new Set<string>();
  for (const type of all) {
    const there = probe(type);
    if (there === undefined) return undefined;
    if (there) found.add(type);
  }
  return found;
}

/** `6.1.0-26-cloud-amd64` is called 6.1.0 for its modules' sake; Debian's version says 6.1.112. */
export function parseVersion(release: string, version: string): readonly [number, number, number] {
  const m = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(release);
  const [, major = 0, minor = 0, patch = 0] = (m ?? []).map((n) => Number(n ?? 0));
  const debian = new RegExp(`Debian ${major}\\.${minor}\\.(\\d+)`).exec(version);
  return [major, minor, debian ? Number(debian[1]) : patch];
}

function identity(): Pick<KernelFacts, 'name' | 'version' | 'architecture'> {
  const architecture = machine() === 'aarch64' ? 'arm64' : 'x86_64';
  return { name: 'the running kernel', version: parseVersion(release(), version()), architecture };
}
