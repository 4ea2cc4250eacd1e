import { resolve } from 'node:path';
import { usageError } from './errors.ts';

/**
 * For a folder that is to be made with its parents: Node's recursive mkdir never returns in /proc, where nothing can be made, yet
 * the system says that a parent is missing.
 *
 * @param said how it was given, in front of the message
 */
export function notInProc(folder: string, what: string, hint: string, said: string = folder): void {
  if (/^\/proc(\/|$)/.test(resolve(folder))) throw usageError(`${said}: ${what} can be in /proc`, hint);
}
