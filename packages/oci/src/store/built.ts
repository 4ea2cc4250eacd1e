import { readFileSync } from 'node:fs';
import { BUILT } from '../types.ts';

/**
 * The annotation, on an entry of index.json, that an image was built on this machine. It is made of the digest and of
 * /etc/machine-id, which machine-id(5) asks to be kept to the machine and used in this way: an archive or a store from
 * elsewhere cannot bring one along. Who may write into this machine's store could, and is trusted with it.
 *
 * @returns nothing where the machine has no id
 */
export function builtHereMark(digest: string): Record<string, string> {
  const mark = markOf(digest);
  return mark === undefined ? {} : { [BUILT]: mark };
}

/** Whether an entry of index.json has that mark, for its own digest. */
export function isBuiltHere(entry: { digest: string; annotations?: Record<string, string> }): boolean {
  const mark = entry.annotations?.[BUILT];
  return mark !== undefined && mark === markOf(entry.digest);
}

function markOf(digest: string): string | undefined {
  let id: string;
  try {
    id = readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return undefined; // a container without one: its images count as coming from elsewhere
  }
  if (id === '') return undefined;
  const { createHmac } = process.getBuiltinModule('node:crypto');
  return createHmac('sha256', id).update(`skep built ${digest}`).digest('hex');
}
