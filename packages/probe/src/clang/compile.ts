import { access, constants, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { BpfError, dumpVmlinuxHeader, Elf } from '@skep/bpf';
import { ProbeError } from '../errors.ts';
import { checkLicense } from '../license/check.ts';
import { compileHint } from './compile-hint.ts';
import { hasMergeableConstants, withoutMergeableConstants } from './constants.ts';
import type { Builder } from './container/types.ts';
import type { Clang } from './find.ts';
import { type HeaderDirs, headerVersion } from './headers.ts';
import { mergeLines } from './merge-lines.ts';
import { type Platform, parsePlatform } from './platform.ts';
import { Sandbox } from './sandbox.ts';
import { stripDwarf } from './strip.ts';
import { findToolchain } from './toolchain.ts';
import { trimTypes } from './trim-types.ts';
import { vmlinuxHeader } from './vmlinux.ts';
import { splitWords } from './words.ts';

/** In the sandbox: the files that the compiler read, as make would have them. */
const DEPENDENCIES = 'out.d';

/** What to compile, and how. */
export interface CompileOptions {
  /** The `.c` file, anywhere on disk. */
  source: string;
  /** Flags for clang, each as a shell would write it (`-DA=1 -Iinclude`); relative folders count from the working directory. */
  cflags?: string[];
  /**
   * The BPF instruction set, `v3` unless said: 32-bit registers, compares and atomics that return a value, which every
   * kernel since 5.12 runs (5.1 but for the atomics), and what clang 20 takes by itself. Fixed here because older
   * clangs default to `v1` and the same source should not become another program. Verifiers before 6.3 lose some
   * bounds that were checked on half a register; `v2` has no such compares.
   */
  cpu?: string;
  /** `linux/amd64`, `linux/arm64`, …; this machine's unless said. */
  platform?: string;
  /** A vmlinux.h to use instead of this kernel's, or a file of BTF to make it from. */
  vmlinux?: string;
  /** The compiler to use; else `SKEP_CLANG`, else the one in `PATH`. */
  clang?: string;
  /** Compiles in a container; `clang` is then a name in there. Files under `/usr/include` are the container's. */
  builder?: Builder;
  /** Colours in the compiler's messages. */
  color?: boolean;
}

/** What came out. */
export interface CompileResult {
  /** The object: BTF kept, DWARF taken out; the same bytes for the same input, wherever it lies. */
  object: Uint8Array;
  /** What the compiler wrote: warnings, with colours if asked for. '' when it was content. */
  diagnostics: string;
  /** The compiler's path and version, for the log. */
  clang: string;
  /** The container image that it came from. */
  builderImage?: string;
  /** The source and the headers that it read, those of skep, libbpf and the system left out. Absolute paths. */
  files: string[];
  /** The version of skep.h, if the source includes it. */
  skepHeader?: string;
}

/**
 * Compiles one C file to a BPF object. `vmlinux.h` (made from this kernel's BTF and cached), `skep.h`,
 * `skep_filter.h`, `solo_types.h` and libbpf's `bpf/…` headers are on the include path; a `vmlinux.h` beside the
 * source goes before ours.
 *
 * ```ts
 * const { object } = await compile({ source: 'probe.c' });
 * ```
 *
 * @throws {ProbeError} `SKEP_SOURCE`, `SKEP_CLANG_MISSING`, `SKEP_COMPILE` (its `log` has the compiler's messages),
 * `SKEP_VMLINUX`, `SKEP_HEADERS_MISSING`, `SKEP_PLATFORM`, `SKEP_LICENSE`, `SKEP_BUILDER`
 */
export async function compile(o: CompileOptions): Promise<CompileResult> {
  await checkSource(o.source);
  const platform = parsePlatform(o.platform);
  const { clang, headers, image, run } = await findToolchain(o.clang, o.builder);
  const vmlinux = await tryVmlinux(o, platform);
  using sandbox = new Sandbox();
  const args = compilerArguments(o, platform, headers, sandbox, vmlinux.path);
  const { status, stderr } = await run(args, sandbox);
  const messages = sandbox.show(stderr);
  if (status !== 0) throw compileError(o.source, messages, clang, vmlinux.error);
  let object = stripDwarf(await readFile(resolve(sandbox.dir, 'out.o')));
  if (hasMergeableConstants(Elf.parse(object))) {
    const mended = await withoutMergeableConstants((other) => run(other, sandbox), args, sandbox.dir);
    if (!mended) throw mergedError(o.source, clang);
    object = stripDwarf(mended);
  }
  object = mergeLines(trimTypes(object));
  checkLicense(Elf.parse(object), o.source);
  const diagnostics = (clang.warning ? `warning: ${clang.warning}\n` : '') + messages;
  const read = sandbox.filesRead(await readFile(resolve(sandbox.dir, DEPENDENCIES), 'utf8'));
  const skepHeader = read.includes(join(headers.skep, 'skep.h'))
    ? await headerVersion(headers.skep)
    : undefined;
  return {
    object,
    diagnostics,
    clang: `${clang.path} ${clang.version}`,
    ...(image !== undefined && { builderImage: image }),
    files: read.filter((file) => !isGiven(file, headers, vmlinux.path)),
    ...(skepHeader !== undefined && { skepHeader }),
  };
}

/** Whether a file comes with skep, libbpf, the compiler or the system, and so belongs to no probe's sources. */
function isGiven(file: string, headers: HeaderDirs, vmlinux: string | undefined): boolean {
  return file === vmlinux || [headers.skep, headers.libbpf, '/usr'].some((dir) => file.startsWith(`${dir}/`));
}

async function checkSource(source: string): Promise<void> {
  const hint = 'Name a C file: skep build probe.c.';
  try {
    const file = (await stat(source)).isFile();
    if (file) return await access(source, constants.R_OK);
  } catch (cause) {
    const denied = cause instanceof Error && 'code' in cause && cause.code === 'EACCES';
    throw new ProbeError('SKEP_SOURCE', `${source} cannot be read${denied ? ': permission denied' : ''}.`, {
      hint: denied ? 'Check who owns it and its folders.' : hint,
      cause,
    });
  }
  throw new ProbeError('SKEP_SOURCE', `${source} is not a file.`, { hint });
}

/** A program may do without vmlinux.h, or bring its own, so its absence counts only when the compiler misses it. */
async function tryVmlinux(
  o: CompileOptions,
  platform: Platform,
): Promise<{ path?: string; error?: ProbeError | BpfError }> {
  try {
    return { path: await vmlinuxHeader({ file: o.vmlinux, platform, dump: dumpVmlinuxHeader }) };
  } catch (error) {
    const ours = error instanceof ProbeError || error instanceof BpfError;
    if (ours && o.vmlinux === undefined) return { error };
    throw error;
  }
}

function compilerArguments(
  o: CompileOptions,
  platform: Platform,
  headers: HeaderDirs,
  sandbox: Sandbox,
  vmlinux: string | undefined,
): string[] {
  const flags = sandbox.adoptFlags((o.cflags ?? []).flatMap(splitWords), process.cwd());
  const source = sandbox.link('src', dirname(resolve(o.source)), dirname(o.source));
  const skep = sandbox.link('skep', headers.skep);
  // Linked though it is usually in /usr/include, so that its name is the same where the package carries the headers.
  const libbpf = sandbox.linkFile('libbpf', 'bpf', resolve(headers.libbpf, 'bpf'));
  return [
    '-target',
    'bpf',
    `-mcpu=${o.cpu ?? 'v3'}`,
    '-g',
    '-O2',
    '-Wall',
    // As clang 16 and later have it: nothing links what is not there, so the object would not load.
    '-Werror=implicit-function-declaration',
    `-D__TARGET_ARCH_${platform.targetArch}`,
    '-fno-addrsig',
    '-fno-ident',
    '-fdebug-compilation-dir=.',
    o.color ? '-fcolor-diagnostics' : '-fno-color-diagnostics',
    ...flags,
    '-include',
    `${skep}/builtins.h`,
    '-I',
    skep,
    // As system headers, so that -Wall does not speak of them.
    ...(vmlinux ? ['-isystem', sandbox.linkFile('vmlinux', 'vmlinux.h', vmlinux)] : []),
    '-isystem',
    libbpf,
    ...(headers.multiarch ? ['-idirafter', headers.multiarch] : []),
    '-MD',
    '-MF',
    DEPENDENCIES,
    '-c',
    `${source}/${basename(o.source)}`,
    '-o',
    'out.o',
  ];
}

function mergedError(source: string, clang: Clang): ProbeError {
  return new ProbeError(
    'SKEP_COMPILE',
    `${source} has small constants that libbpf cannot find (clang ${clang.version}).`,
    {
      hint: 'Declare them `static const volatile`, or use clang 16 or later.',
    },
  );
}

function compileError(
  source: string,
  messages: string,
  clang: Clang,
  vmlinux: ProbeError | BpfError | undefined,
): ProbeError | BpfError {
  if (vmlinux && messages.includes("'vmlinux.h' file not found")) return vmlinux;
  const count = /\d+ errors?(?= generated)/.exec(messages)?.[0];
  const what = [count, `clang ${clang.version}`].filter(Boolean).join(', ');
  const cpu = /unknown target CPU '(\S+)'/.exec(messages)?.[1];
  return new ProbeError('SKEP_COMPILE', `${source} does not compile (${what}).`, {
    hint: cpu
      ? `This clang does not know --mcpu ${cpu}; a newer one may: name it with --clang.`
      : (compileHint(messages) ?? 'The first error is the one to mend; later ones often follow from it.'),
    log: messages,
  });
}
