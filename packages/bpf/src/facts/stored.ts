import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  type BrotliOptions,
  brotliCompressSync,
  brotliDecompress,
  brotliDecompressSync,
  constants,
} from 'node:zlib';
import { Btf } from '../btf/btf.ts';
import { BpfError } from '../errors.ts';
import type { HookKind } from '../features/hooks.ts';
import { helperName } from '../kernel/helpers.ts';
import { parseConfig } from './config.ts';
import { unpackNames } from './name-filter.ts';
import { storedFunctions } from './stored-functions.ts';
import { WITHOUT_TRACEPOINTS } from './tracepoints.ts';
import type { KernelFacts, KernelFunctions, Tracepoints } from './types.ts';

/** What a kernel's file of facts holds besides its types. Plain data, made by test/kernels/facts.ts. */
export interface StoredLists {
  readonly version: readonly [major: number, minor: number, patch: number];
  readonly architecture: 'x86_64' | 'arm64';
  /** The text of its configuration. */
  readonly config: string;
  readonly hooks: Readonly<Partial<Record<HookKind, boolean>>>;
  readonly programTypes: readonly string[];
  readonly mapTypes: readonly string[];
  /** Numbers of helpers, by program type. */
  readonly helpers: Readonly<Record<string, readonly number[]>>;
  /** Events by category. */
  readonly tracepoints: Readonly<Record<string, readonly string[]>>;
  /** One letter for each function of the types, in their order ({@link markOf}). */
  readonly typed: string;
  /** `name` and letter of each other function, one a line. */
  readonly untyped: string;
  /**
   * Functions that ftrace lists by another name, with that name: x86 has one function for a system call without arguments
   * and gives it three names, and compilers make one function of several that do the same.
   */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Names that only modules bring, of types, functions and variables ({@link packNames}). */
  readonly modules: string;
}

/** What is unpacked in one piece: types are 5 MB. */
const CHUNK = 1 << 20;
const MAGIC = 'skep kernel facts 1\n';

/** Writes a file of facts: a line that says what it is, and its two parts compressed, each behind its length. */
export function packFacts(btf: Uint8Array, lists: StoredLists): Uint8Array {
  const parts = [btf, Buffer.from(JSON.stringify(lists))].map((part) => {
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: part.length,
    };
    const packed = brotliCompressSync(part, { params });
    const length = Buffer.alloc(4);
    length.writeUInt32LE(packed.length);
    return Buffer.concat([length, packed]);
  });
  return Buffer.concat([Buffer.from(MAGIC), ...parts]);
}

/**
 * The facts of a kernel out of its file; each part is unpacked when it is first asked for (30 ms for the types).
 * @throws {BpfError} `SKEP_BTF_INVALID` when it is no such file
 */
export function unpackFacts(bytes: Uint8Array, name: string): KernelFacts {
  const [btfPart, listPart] = partsOf(bytes, name);
  return factsOf(unpacked(listPart!, name), () => unpacked(btfPart!, name));
}

function factsOf(listText: Buffer, btfBytes: () => Buffer): KernelFacts {
  const lists = JSON.parse(listText.toString('utf8')) as StoredLists;
  const { version, architecture, hooks, helpers } = lists;
  let btf: Btf | undefined;
  let functions: KernelFunctions | undefined;
  let config: ReadonlyMap<string, string> | undefined;
  let modules: ((name: string) => boolean) | undefined;
  const inModules = (wanted: string): boolean => {
    modules ??= unpackNames(lists.modules);
    return modules(wanted);
  };
  const types = (): Btf => {
    btf ??= Btf.parse(btfBytes());
    return btf;
  };
  const sets = new Map<string, ReadonlySet<string>>();
  return {
    // Reasons name it; the same reason for several kernels is to read the same.
    name: 'this kernel',
    version,
    architecture,
    hooks,
    inModules,
    programTypes: new Set(lists.programTypes),
    mapTypes: new Set(lists.mapTypes),
    tracepoints: tracepointsOf(lists, inModules),
    get btf() {
      return types();
    },
    get functions() {
      functions ??= storedFunctions(types(), lists, inModules);
      return functions;
    },
    get config() {
      config ??= parseConfig(lists.config);
      return config;
    },
    helpers(type) {
      const numbers = helpers[type];
      if (!numbers) return undefined;
      const known = sets.get(type) ?? new Set(numbers.map(helperName));
      sets.set(type, known);
      return known;
    },
  };
}

/** Where the facts of the matrix's kernels lie: `packages/bpf/kernels` in a checkout and in the package alike. */
export function storedKernelsDir(): string | undefined {
  let dir = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    for (const at of [join(dir, 'kernels'), join(dir, 'packages/bpf/kernels')])
      if (existsSync(join(at, 'README.md'))) return at;
    const parent = dirname(dir);
    if (parent === dir) return undefined;
    dir = parent;
  }
}

/** Names of the stored kernels: `6.1`, `6.1-arm64`, …, oldest first. */
export function storedKernels(): string[] {
  const dir = storedKernelsDir();
  if (dir === undefined) return [];
  const names = readdirSync(dir).filter((f) => f.endsWith('.facts'));
  return names
    .map((f) => f.slice(0, -'.facts'.length))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** The facts of a stored kernel; undefined when there is none of that name. @throws {BpfError} `SKEP_BTF_INVALID` */
export function storedKernel(name: string): KernelFacts | undefined {
  const dir = storedKernelsDir();
  if (dir === undefined || !storedKernels().includes(name)) return undefined;
  return unpackFacts(readFileSync(join(dir, `${name}.facts`)), name);
}

/**
 * {@link storedKernel}, unpacked whole on threads of libuv's pool: for several kernels at once, or while there is other work.
 * @throws {BpfError} `SKEP_BTF_INVALID`
 */
export async function storedKernelAhead(name: string): Promise<KernelFacts | undefined> {
  const dir = storedKernelsDir();
  if (dir === undefined || !storedKernels().includes(name)) return undefined;
  const parts = partsOf(await readFile(join(dir, `${name}.facts`)), name);
  const unpack = promisify<Uint8Array, BrotliOptions, Buffer>(brotliDecompress);
  const [btf, lists] = await Promise.all(parts.map((part) => unpack(part, { chunkSize: CHUNK }))).catch(
    (cause: Error) => {
      throw damaged(name, cause);
    },
  );
  return factsOf(lists!, () => btf!);
}

/** Whether bytes are a file of facts. */
export function isFactsFile(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, MAGIC.length)).toString('latin1') === MAGIC;
}

function partsOf(bytes: Uint8Array, name: string): Uint8Array[] {
  if (!isFactsFile(bytes)) throw damaged(name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  for (let at = MAGIC.length; parts.length < 2; ) {
    if (at + 4 > bytes.length || at + 4 + view.getUint32(at, true) > bytes.length) throw damaged(name);
    const length = view.getUint32(at, true);
    parts.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return parts;
}

function unpacked(part: Uint8Array, name: string): Buffer {
  try {
    return brotliDecompressSync(part, { chunkSize: CHUNK });
  } catch (cause) {
    throw damaged(name, cause);
  }
}

function damaged(name: string, cause?: unknown): BpfError {
  return new BpfError('SKEP_BTF_INVALID', `The facts of the kernel ${name} are damaged`, {
    hint: 'Install skep again, or make them again: node test/kernels/facts.ts.',
    object: name,
    cause,
  });
}

function tracepointsOf(lists: StoredLists, inModules: (name: string) => boolean): Tracepoints {
  const all = new Map(Object.entries(lists.tracepoints).map(([c, names]) => [c, new Set(names)]));
  const elsewhere = (name: string) => (inModules(`btf_trace_${name}`) ? undefined : false);
  return {
    has: (category, name) => all.get(category)?.has(name) || elsewhere(name),
    hasName: (name) =>
      [...all].some(([category, names]) => !WITHOUT_TRACEPOINTS.has(category) && names.has(name)) ||
      elsewhere(name),
  };
}
