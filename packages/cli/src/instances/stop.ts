import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { note } from '../output/out.ts';
import { ask } from './client.ts';
import { type Instance, readInstance, removeFolder } from './folder.ts';
import { isRunning, signal } from './process.ts';

/** Between two looks whether a process is gone. */
const LOOK_MS = 20;

/**
 * Ends an instance in order; after the time it is killed, and the kernel detaches its probes. Resolves when its process
 * is gone; at once for one that has ended.
 */
export async function stopInstance(instance: Instance, timeoutMs: number): Promise<void> {
  const now = readInstance(instance.folder);
  if (now?.id !== instance.id || ['exited', 'dead'].includes(now.state)) return;
  const id = now.running?.process ?? now.launcher;
  const end = performance.now() + timeoutMs;
  if (timeoutMs > 0) {
    // By its socket rather than a signal: it answers when all is written.
    const late = AbortSignal.timeout(timeoutMs);
    if (now.state === 'running') await ask(now, { ask: 'stop' }, late).catch(() => signal(id, 'SIGTERM'));
    else signal(id, 'SIGTERM');
    while (isRunning(id) && performance.now() < end) await wait(LOOK_MS);
  }
  if (!isRunning(id)) return;
  note(`${instance.name} did not end in time and is killed`);
  signal(id, 'SIGKILL');
  while (isRunning(id)) await wait(LOOK_MS);
  // As it would have done itself (run --rm).
  if (now.remove && existsSync(now.folder)) removeFolder(now);
}
