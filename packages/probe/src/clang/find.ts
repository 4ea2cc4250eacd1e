import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { ProbeError } from '../errors.ts';
import { run } from './run.ts';

/** The oldest and the newest major version that the tests run with. */
export const CLANG_SUPPORTED = { from: 14, to: 19 } as const;

/** A clang on this machine. */
export interface Clang {
  path: string;
  /** As it calls itself, such as `14.0.6`. */
  version: string;
  major: number;
  /** A sentence when its version is outside {@link CLANG_SUPPORTED}. */
  warning?: string;
}

const INSTALL_HINT =
  'Install it (Debian, Ubuntu: apt install clang; Fedora: dnf install clang) or name one with SKEP_CLANG=/path/to/clang.';

/**
 * Finds the compiler: `wanted`, else `SKEP_CLANG`, else the first supported one of `clang`, `clang-19` … `clang-14`
 * in `PATH`, else any clang of another version (with a warning).
 *
 * @throws {ProbeError} `SKEP_CLANG_MISSING`
 */
export async function findClang(wanted = process.env.SKEP_CLANG || undefined): Promise<Clang> {
  if (wanted !== undefined)
    return inspectClang(locate(wanted) ?? missing(`"${wanted}" is not an executable file.`));
  let other: Clang | undefined;
  for (const name of ['clang', ...versionedNames()]) {
    const path = locate(name);
    if (!path) continue;
    const clang = await inspectClang(path);
    if (!clang.warning) return clang;
    other ??= clang;
  }
  return other ?? missing('Building a probe needs clang, and there is none in PATH.');
}

function versionedNames(): string[] {
  const names: string[] = [];
  for (let v = CLANG_SUPPORTED.to; v >= CLANG_SUPPORTED.from; v--) names.push(`clang-${v}`);
  return names;
}

function missing(message: string): never {
  throw new ProbeError('SKEP_CLANG_MISSING', message, { hint: INSTALL_HINT });
}

function locate(name: string): string | undefined {
  const candidates = name.includes('/')
    ? [resolve(name)]
    : (process.env.PATH ?? '').split(delimiter).map((dir) => join(dir || '.', name));
  return candidates.find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Absent, a folder, or not ours to run: the next folder of PATH may have it.
    return false;
  }
}

async function inspectClang(path: string): Promise<Clang> {
  let output: string;
  try {
    output = (await run(path, ['--version'])).stdout;
  } catch (cause) {
    throw new ProbeError('SKEP_CLANG_MISSING', `${path} cannot be run.`, { hint: INSTALL_HINT, cause });
  }
  return describeClang(path, output) ?? missing(`${path} does not answer --version as clang does.`);
}

/** What a compiler says of itself when asked for its `--version`; undefined when it is no clang. */
export function describeClang(path: string, output: string): Clang | undefined {
  const match = /clang version (\d+)(\S*)/.exec(output);
  if (!match) return undefined;
  const major = Number(match[1]);
  const version = `${match[1]}${match[2]}`;
  const { from, to } = CLANG_SUPPORTED;
  if (major >= from && major <= to) return { path, version, major };
  const age = major < from ? 'older' : 'newer';
  return {
    path,
    version,
    major,
    warning: `clang ${version} is ${age} than what skep is tested with (${from} to ${to}).`,
  };
}
