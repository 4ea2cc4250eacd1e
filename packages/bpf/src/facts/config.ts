import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { gunzipSync } from 'node:zlib';

/** `CONFIG_X` to its value, of a kernel's .config; what "is not set" is not in it. */
export function parseConfig(text: string): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  for (const line of text.split('\n')) {
    const m = /^(CONFIG_\w+)=(.*)$/.exec(line);
    if (m) out.set(m[1]!, m[2]!);
  }
  return out;
}

/** The running kernel's configuration: from itself, else from where distributions put it. */
export function runningConfig(): ReadonlyMap<string, string> | undefined {
  for (const path of ['/proc/config.gz', `/boot/config-${release()}`, `/lib/modules/${release()}/config`]) {
    try {
      const bytes = readFileSync(path);
      return parseConfig((path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8'));
    } catch (e) {
      if (!['ENOENT', 'EACCES', 'EPERM'].includes((e as NodeJS.ErrnoException).code ?? '')) throw e;
    }
  }
  return undefined;
}
