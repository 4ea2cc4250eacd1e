import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

/** These are the container's own: its headers, not this machine's, are what an object is to depend on. */
const OF_THE_IMAGE = ['/usr/include', '/usr/local/include'];

/**
 * What a container is to see of this machine so that the compiler finds its inputs: each under its own path, the source
 * with the project around it, since it may include `../common.h`. No path lies within another.
 *
 * @param inputs absolute paths of files and folders
 */
export function mountsFor(inputs: readonly string[], cwd: string): string[] {
  const real = inputs.filter(existsSync).map((path) => realpathSync(path));
  const wanted = [...inputs, ...real].filter(existsSync).map((path) => projectOf(path, cwd));
  const unique = [...new Set(wanted)].filter(
    (path) => path !== '/' && !OF_THE_IMAGE.some((d) => isIn(path, d)),
  );
  return unique.filter((path) => !unique.some((other) => other !== path && isIn(path, other)));
}

/** The working directory or git's top folder when the path lies in it. */
function projectOf(path: string, cwd: string): string {
  for (let dir = path; dir !== '/'; dir = dirname(dir)) if (existsSync(join(dir, '.git'))) return dir;
  return cwd !== '/' && isIn(path, cwd) ? cwd : path;
}

function isIn(path: string, dir: string): boolean {
  return path === dir || path.startsWith(dir.endsWith(sep) ? dir : dir + sep);
}
