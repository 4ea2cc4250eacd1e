import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const folders = new Set<string>();

/**
 * A folder below the system's for temporary files, until it is disposed of. Ctrl-C takes it away as well, and then ends the
 * process as it would have without: a signal that somebody else listens for is theirs to answer, by disposing.
 */
export class TemporaryFolder implements Disposable {
  readonly path: string;

  constructor(prefix: string) {
    if (folders.size === 0) for (const signal of ENDING) process.on(signal, end);
    try {
      this.path = mkdtempSync(join(tmpdir(), prefix));
      folders.add(this.path);
    } finally {
      if (folders.size === 0) forget();
    }
  }

  [Symbol.dispose](): void {
    remove(this.path);
    folders.delete(this.path);
    if (folders.size === 0) forget();
  }
}

function end(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  for (const folder of folders) remove(folder);
  folders.clear();
  forget();
  process.kill(process.pid, signal);
}

function forget(): void {
  for (const signal of ENDING) process.off(signal, end);
}

/** A compiler that got the same signal takes its own files away meanwhile: rmSync stops at what is gone, and says nothing. */
function remove(folder: string): void {
  for (let tries = 0; tries < 20 && existsSync(folder); tries++) {
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch (e) {
      if (!(e instanceof Error) || !('code' in e) || e.code !== 'ENOTEMPTY') throw e;
    }
  }
}
