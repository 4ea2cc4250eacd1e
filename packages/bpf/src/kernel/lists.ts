import { readFileSync } from 'node:fs';
import { isNativeError, native } from '../native.ts';
import { isThere } from './there.ts';

interface Detached {
  readonly type: string;
  readonly file: string;
}

/** How long a text is kept after somebody has asked for it. */
const KEPT_MS = 10_000;

const kept = new Map<string, { text: string | undefined; modules: string | undefined }>();
let forgets: NodeJS.Timeout | undefined;

/**
 * A list that the kernel writes anew for each reader, such as the 5 to 10 MB of /proc/kallsyms, which takes it 60 to 120
 * ms; undefined where it is not there, is empty, or may not be read. A program that starts may ask for it once a hook, so
 * it is kept for some seconds, unless a module is loaded or unloaded meanwhile. Not for addresses of BPF programs, which
 * come and go without one.
 *
 * @param detached the file system's type and the file in it, to be read where that is not mounted (which needs root)
 */
export function kernelList(path: string, detached?: Detached): string | undefined {
  const modules = read('/proc/modules');
  let found = kept.get(path);
  if (!found || found.modules !== modules) {
    found = { text: read(path) ?? (detached && readDetached(detached)), modules };
    kept.set(path, found);
  }
  clearTimeout(forgets);
  forgets = setTimeout(() => kept.clear(), KEPT_MS).unref();
  return found.text;
}

function readDetached({ type, file }: Detached): string | undefined {
  try {
    return native().readDetached(type, file) || undefined;
  } catch (e) {
    if (isNativeError(e)) return undefined; // not there, or not for this process
    throw e;
  }
}

function read(path: string): string | undefined {
  try {
    return isThere(path) ? readFileSync(path, 'latin1') || undefined : undefined;
  } catch (e) {
    // Lockdown lets not even root read some of them.
    if (['EACCES', 'EPERM', 'ENODEV'].includes((e as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw e;
  }
}
