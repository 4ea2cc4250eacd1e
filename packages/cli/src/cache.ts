import { homedir } from 'node:os';
import { join } from 'node:path';

/** A place in the folder of what can be made again: `~/.cache/skep/…`, or what `XDG_CACHE_HOME` says. */
export function cachePath(...names: string[]): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'skep', ...names);
}
