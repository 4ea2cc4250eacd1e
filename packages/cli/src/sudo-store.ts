import { existsSync, readFileSync } from 'node:fs';
import { defaultStorage, type Settings } from './settings.ts';

/** Who called sudo. */
interface Invoker {
  uid: number;
  gid: number;
  name: string;
  storage: string;
}

/**
 * `skep build` needs no root, `sudo skep run` does: under sudo, an image that root's store lacks is looked for in
 * the store of the user who called. It is read with that user's rights, so that a path of theirs is nothing root
 * would not have been given, and no file of root's appears among theirs.
 *
 * @returns undefined when not under sudo, a store was named, or that user has none
 */
export async function inInvokersStore<T>(
  settings: Settings,
  work: (settings: Settings) => Promise<T>,
): Promise<T | undefined> {
  const isRoot = process.geteuid?.() === 0;
  const invoker = isRoot && !settings.storageGiven ? findInvoker(process.env) : undefined;
  if (!invoker || !existsSync(invoker.storage)) return undefined;
  process.setegid?.(invoker.gid);
  process.seteuid?.(invoker.uid);
  try {
    return await work({ ...settings, storage: invoker.storage });
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

/** Who called sudo, going by its variables and the list of users. Exported for its test. */
export function findInvoker(
  env: NodeJS.ProcessEnv,
  users: () => string = () => readFileSync('/etc/passwd', 'utf8'),
): Invoker | undefined {
  const [uid, gid] = [Number(env.SUDO_UID), Number(env.SUDO_GID)];
  if (!(uid > 0) || !(gid > 0)) return undefined;
  const entry = users()
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[2] === String(uid));
  const [name, , , , , home] = entry ?? [];
  return name && home ? { uid, gid, name, storage: defaultStorage(home) } : undefined;
}
