import { basename, dirname } from 'node:path';
import type { ElfCache } from '../elf/cache.ts';
import type { ElfFacts } from '../elf/facts.ts';
import type { GoBuild } from '../elf/go.ts';
import type { Host } from '../host/host.ts';
import { mappedFiles } from '../process/maps.ts';
import type { Process } from '../process/read.ts';
import { interpreterOf, type Language } from './programs.ts';

/** In what a process is written, and what runs it. */
export interface Runtime {
  language: Language;
  /** `process.runtime.name` of OpenTelemetry: `nodejs`, `cpython`, `go`, `.NET`, … Absent for what needs none. */
  name?: string;
  /** Its version: `24.21.0`, `go1.26.8`. Absent when neither file nor path says. */
  version?: string;
  /** For a Go program, what its linker wrote into it. */
  go?: GoBuild;
}

/** Programs that only embed another language: an editor with Python is no Python service. */
const embedders = /^(?:vim|nvim|gdb|blender|postgres|apache2|httpd|collectd|qemu|soffice)/;

/** Programs in C++ with libraries in Rust inside, which leave the same traces as a program in Rust. */
const withRust = /^(?:envoy|workerd)/;
/** And one in C with a library in C++: h2o has its own brotli. */
const withCpp = /^h2o$/;

/**
 * Finds language and runtime of a process from its program's file, the names of the files that it has mapped, and
 * files beside the runtime. Nothing is ever run. A process that has just begun may not have mapped its runtime yet.
 *
 * @param files its mapped files, asked for only where the program itself does not settle it
 */
export function detectRuntime(
  host: Host,
  process: Process,
  elves: ElfCache,
  files: () => readonly string[] = () => mappedFiles(host, process.pid),
): Runtime | undefined {
  if (process.exe === undefined) return undefined;
  const name = basename(process.exe);
  const interpreter = interpreterOf(name);
  const facts = elves.read(host.openExe(process.pid), interpreter);
  if (facts?.go !== undefined && interpreter === undefined) {
    return { language: 'go', name: 'go', version: facts.go.version, go: facts.go };
  }
  if (interpreter !== undefined) return ofInterpreter(interpreter, host, process, facts, elves, files);
  if (facts?.rust !== undefined && withRust.test(name)) return { language: 'cpp' };
  if (facts?.rust !== undefined) {
    return { language: 'rust', version: facts.rust === 'unknown' ? undefined : facts.rust };
  }
  if (facts?.nativeDotnet) return { language: 'dotnet', name: '.NET' };
  return ofMappedFiles(host, process, elves, files(), embedders.test(name)) ?? ofLibraries(facts, name);
}

function ofInterpreter(
  language: Language,
  host: Host,
  process: Process,
  facts: ElfFacts | undefined,
  elves: ElfCache,
  files: () => readonly string[],
): Runtime {
  const exe = process.exe!;
  /** The version of a library that carries it when the program does not. */
  const fromLibrary = (runtime: 'nodejs' | 'python' | 'ruby' | 'php', library: RegExp) => {
    const path = files().find((f) => library.test(f));
    if (path === undefined) return undefined;
    return (
      elves.read(host.openSeenBy(process.pid, path), runtime)?.versions[runtime] ?? library.exec(path)?.[1]
    );
  };
  switch (language) {
    case 'nodejs': {
      const version = facts?.versions.nodejs ?? fromLibrary('nodejs', /\/libnode\.so\.([\d.]+)$/);
      return { language, name: 'nodejs', version: version ?? versionInPath(exe) };
    }
    case 'python': {
      const pypy = basename(exe).startsWith('pypy');
      const found = pypy
        ? undefined
        : (facts?.versions.python ?? fromLibrary('python', /\/libpython(\d\.\d+)/));
      const version = found ?? versionInPath(exe) ?? /(\d\.\d+)/.exec(basename(exe))?.[1];
      return { language, name: pypy ? 'pypy' : 'cpython', version };
    }
    case 'java':
      return javaOf(host, process, [exe]) ?? javaOf(host, process, files()) ?? { language };
    case 'ruby': {
      const version = facts?.versions.ruby ?? fromLibrary('ruby', /\/libruby[^/]*\.so\.([\d.]+)$/);
      return { language, name: 'ruby', version: version ?? versionInPath(exe) };
    }
    case 'php': {
      const version = facts?.versions.php ?? fromLibrary('php', /\/libphp(\d[\d.]*)?\.so$/);
      return { language, name: 'php', version: version ?? /(\d\.\d+)/.exec(basename(exe))?.[1] };
    }
    case 'dotnet':
      return dotnetOf(files()) ?? { language, name: '.NET' };
    case 'erlang':
      return { language, name: 'BEAM', version: /\/erts-([\d.]+)\//.exec(exe)?.[1] };
    case 'perl': {
      const library = files().find((f) => /\/libperl\.so\./.test(f));
      return { language, name: 'perl', version: /libperl\.so\.([\d.]+)$/.exec(library ?? '')?.[1] };
    }
    case 'deno':
    case 'bun':
      return { language, name: language, version: versionInPath(exe) };
    default:
      return { language };
  }
}

function ofMappedFiles(
  host: Host,
  process: Process,
  elves: ElfCache,
  files: readonly string[],
  embedder: boolean,
): Runtime | undefined {
  if (files.some((f) => f.endsWith('/libjvm.so')) && !embedder) return javaOf(host, process, files);
  const dotnet = dotnetOf(files);
  if (dotnet !== undefined) return dotnet;
  for (const file of files) {
    if (/\/libphp\d?[\d.]*\.so$/.test(file)) {
      const facts = elves.read(host.openSeenBy(process.pid, file), 'php');
      return { language: 'php', name: 'php', version: facts?.versions.php };
    }
    if (embedder) continue;
    if (/\/libpython\d\.\d+m?\.so/.test(file)) {
      const facts = elves.read(host.openSeenBy(process.pid, file), 'python');
      const version = facts?.versions.python ?? /libpython(\d\.\d+)/.exec(file)?.[1];
      return { language: 'python', name: 'cpython', version };
    }
    if (/\/libnode\.so\.\d+$/.test(file)) {
      const facts = elves.read(host.openSeenBy(process.pid, file), 'nodejs');
      return { language: 'nodejs', name: 'nodejs', version: facts?.versions.nodejs };
    }
  }
  return undefined;
}

/** Every Java since 8 has a file `release` in its home, two to four folders above its program and its library. */
function javaOf(host: Host, process: Process, files: readonly string[]): Runtime | undefined {
  const file = files.find((f) => /\/(?:bin\/javaw?|libjvm\.so)$/.test(f));
  if (file === undefined) return undefined;
  for (let home = dirname(dirname(file)), up = 0; up < 4 && home !== '/'; home = dirname(home), up++) {
    const text = host.textSeenBy(process.pid, `${home}/release`, 8192);
    const field = (key: string) => new RegExp(`^${key}="([^"]+)"`, 'm').exec(text ?? '')?.[1];
    const version = field('JAVA_RUNTIME_VERSION') ?? field('JAVA_VERSION');
    if (version === undefined) continue;
    const oracle = field('IMPLEMENTOR')?.startsWith('Oracle') ?? true;
    return { language: 'java', name: oracle ? 'java' : 'OpenJDK Runtime Environment', version };
  }
  return undefined;
}

function dotnetOf(files: readonly string[]): Runtime | undefined {
  const file = files.find((f) => f.endsWith('/libcoreclr.so'));
  if (file === undefined) return undefined;
  return {
    language: 'dotnet',
    name: '.NET',
    version: /\/Microsoft\.NETCore\.App\/([^/]+)\//.exec(file)?.[1],
  };
}

function ofLibraries(facts: ElfFacts | undefined, name: string): Runtime | undefined {
  if (facts === undefined) return undefined;
  if (facts.needed.some((l) => /^lib(?:std)?c\+\+\.so/.test(l)))
    return { language: withCpp.test(name) ? 'c' : 'cpp' };
  return facts.needed.some((l) => /^(?:libc\.so|libc\.musl-)/.test(l)) ? { language: 'c' } : undefined;
}

/** Version managers keep each version in a folder named after it: ~/.nvm/versions/node/v20.1.0/bin/node. */
function versionInPath(path: string): string | undefined {
  return /\/[a-z-]*v?(\d+\.\d+\.\d+)(?:[-/]|$)/.exec(path)?.[1];
}
