import { basename, dirname, isAbsolute, join } from 'node:path';
import type { Runtime } from '../language/detect.ts';
import type { Environment } from '../process/environ.ts';

/** All that a name is made from. Files are asked for only when the command line says too little. */
export interface CommandContext {
  exe?: string;
  argv: readonly string[];
  comm: string;
  runtime?: Runtime;
  environment: Environment;
  /** The working folder, as the process sees it. */
  cwd(): string | undefined;
  /** The beginning of a file by a path as the process sees it. */
  readText(path: string): string | undefined;
}

/** Names of entry files and folders that say nothing about what they start. */
const bland = new Set(
  `index main server app application start run www cli bin dist build out lib src source code srv usr opt home root
  tmp var local workspace work project services wsgi asgi manage bootstrap entrypoint standalone
  config conf settings docker-entrypoint launcher program target debug libs quarkus-run quarkus-app init __main__ current release releases html public bundle`.split(
    /\s+/,
  ),
);

/** Whether a name would be the same for half of all services. */
export function isBland(name: string): boolean {
  return bland.has(name.toLowerCase());
}

/** `server` of `/srv/shop/dist/server.js`. */
export function stem(path: string): string {
  const name = basename(path);
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(0, dot) : name;
}

/** Whether a path is a folder by its place alone: `.`, `..`, `./`. */
export function isPlace(path: string): boolean {
  return /^\.{1,2}$/.test(basename(path));
}

/** A path of the command line, made absolute; undefined when the working folder is unknown. */
export function absolute(context: CommandContext, path: string): string | undefined {
  if (isAbsolute(path)) return path;
  const cwd = context.cwd();
  return cwd === undefined ? undefined : join(cwd, path);
}

const MOST_LEVELS = 6;
/** What mktemp, Python's tempfile and Go call their folders: another name each time. */
const temporary = /^(?:tmp\.[A-Za-z0-9]{10}|tmp[a-z0-9_]{8}|go-build\d+)$/;

/**
 * The name of the project that a file belongs to: what the nearest project file above it says, else the nearest folder
 * whose name means something. Folders up to `/` itself, at most six.
 *
 * @param read takes the name out of a project's folder
 */
export function projectName(
  path: string | undefined,
  read?: (folder: string) => string | undefined,
): string | undefined {
  if (path === undefined) return undefined;
  let folder = dirname(path);
  let telling: string | undefined;
  for (let level = 0; level < MOST_LEVELS && folder !== '/' && folder !== '.'; level++) {
    const named = read?.(folder);
    if (named) return named;
    const name = basename(folder);
    // A folder in /home, or a version's folder (`v20.1.0`), is nobody's name.
    const personal = dirname(folder) === '/home' || dirname(folder) === '/Users';
    const random = basename(dirname(folder)) === 'tmp' && temporary.test(name);
    if (
      telling === undefined &&
      !isBland(name) &&
      !personal &&
      !random &&
      /[a-z]/i.test(name) &&
      !/^v\d[\d.]*$/i.test(name) &&
      !name.startsWith('.')
    ) {
      telling = name;
    }
    folder = dirname(folder);
  }
  return telling;
}

/** The first argument that is no option, and where. Options in `withValue` take the next argument along. */
export function firstOperand(
  argv: readonly string[],
  from: number,
  withValue: ReadonlySet<string> = new Set(),
): number | undefined {
  for (let i = from; i < argv.length; i++) {
    const arg = argv[i]!;
    if (arg === '--') return i + 1 < argv.length ? i + 1 : undefined;
    // A lone `-` is what comes through standard input, which has no name.
    if (arg === '-') return undefined;
    if (!arg.startsWith('-')) return arg === '' ? undefined : i;
    if (withValue.has(arg)) i++;
  }
  return undefined;
}
