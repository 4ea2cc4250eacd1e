import {
  lstatSync,
  lutimesSync,
  readdirSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { errno, OciError } from '../errors.ts';
import { liveness, uniqueName } from './owner.ts';

// The lock is a symbolic link `lock` whose target is the holder's unique name: made in one step, with its content,
// and only if it is not there. Node has no flock(2), and a kernel lock would not reach across every file system either.
//
// A holder killed by -9 leaves its link. Taking it over must have one winner, although "read, see that it is dead,
// delete, create" has a gap after each comma. So the right to follow a dead holder X is itself a link, `lock.after.X`:
// names are never used twice, hence exactly one process ever makes it. If that one dies too, `lock.after.<it>`
// continues the chain, and its last living member holds the lock. The winner looks once more whether the chain still
// begins where it did (a slow process could have made a link that follows somebody long gone), then puts itself at
// the root by rename and clears the chain away.
//
// Waiting is by polling with growing pauses (1 to 25 ms, with a random part, 30 s in all): the lock is held for a
// few file operations, and a dead holder sends no event that one could wait for.
const LONGEST_WAIT_MS = 30_000;
// A holder that cannot be asked (another container, an earlier boot) is taken for dead after this time; the lock is
// held for milliseconds.
const UNKNOWN_HOLDER_MS = 20_000;
// So a holder that has much to do (prune, or remove, in a store of ten thousand images) says that it lives.
const BEAT_MS = 5_000;

const queues = new Map<string, Promise<unknown>>();

/**
 * Runs `fn` while no other process (and no other call in this one) runs one under the same folder.
 *
 * @param dir holds the lock's links; must exist
 * @param beatMs how often a holder says that it lives
 * @throws OciError SKEP_STORE_BUSY after 30 s, or after `longestWaitMs`
 */
export async function withLock<T>(
  dir: string,
  fn: () => Promise<T>,
  longestWaitMs = LONGEST_WAIT_MS,
  beatMs = BEAT_MS,
): Promise<T> {
  const before = queues.get(dir) ?? Promise.resolve();
  const mine = before.then(async () => {
    const me = await acquire(dir, longestWaitMs);
    const beat = setInterval(() => touch(dir, me), beatMs).unref();
    try {
      return await fn();
    } finally {
      clearInterval(beat);
      release(dir, me);
    }
  });
  const settled = mine.then(
    () => undefined,
    () => undefined, // reported to the caller of this turn through `mine`; the next turn does not care
  );
  queues.set(dir, settled);
  try {
    return await mine;
  } finally {
    if (queues.get(dir) === settled) queues.delete(dir);
  }
}

async function acquire(dir: string, longestWaitMs: number): Promise<string> {
  const me = uniqueName();
  const deadline = Date.now() + longestWaitMs;
  for (let pause = 1; ; pause = Math.min(pause * 2, 25)) {
    const holder = tryAcquire(dir, me);
    if (holder === undefined) return me;
    if (Date.now() > deadline) {
      const pid = holder.split('-')[0];
      throw new OciError(
        'SKEP_STORE_BUSY',
        `The image store is locked: process ${pid} holds ${join(dir, 'lock')}.`,
        {
          hint: `See what process ${pid} does; if it is not a skep, remove that link.`,
        },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
  }
}

/** One attempt. @returns undefined when `me` has the lock now, else the name of who has it */
function tryAcquire(dir: string, me: string): string | undefined {
  const lock = join(dir, 'lock');
  const after = (name: string) => join(dir, `lock.after.${name}`);
  if (makeLink(me, lock)) return undefined;
  const chain = readChain(lock, after);
  const last = chain.at(-1);
  if (last === undefined) return 'unknown'; // released between the two looks: the next attempt will do
  if (!isGone(last, chain.length === 1 ? lock : after(chain.at(-2) as string))) return last;
  if (!makeLink(me, after(last))) return last;
  if (readChain(lock, after).join() !== [...chain, me].join()) {
    removeLink(after(last));
    return last;
  }
  const fresh = join(dir, `lock.new.${me}`);
  symlinkSync(me, fresh);
  renameSync(fresh, lock);
  for (const name of chain) removeLink(after(name));
  return undefined;
}

/** Moves the time of our link, by which those judge who cannot ask whether we live. */
function touch(dir: string, me: string): void {
  const lock = join(dir, 'lock');
  try {
    if (readLink(lock) === me) lutimesSync(lock, new Date(), new Date());
  } catch {
    // A file system that does not keep such times: then a holder has the twenty seconds.
  }
}

function release(dir: string, me: string): void {
  const lock = join(dir, 'lock');
  if (readLink(lock) === me) unlinkSync(lock);
}

/**
 * Removes links that died with a process in the middle of a take-over. Only for the holder of the lock: while it is
 * the root, no chain is in use, and who makes a link now finds out when it looks again.
 */
export function clearTakeovers(dir: string): void {
  for (const name of readdirSync(dir)) {
    if (
      name.startsWith('lock.after.') ||
      (name.startsWith('lock.new.') && liveness(name.slice(9)) === 'dead')
    ) {
      removeLink(join(dir, name));
    }
  }
}

function readChain(lock: string, after: (name: string) => string): string[] {
  const chain: string[] = [];
  for (let name = readLink(lock); name !== undefined && !chain.includes(name); name = readLink(after(name))) {
    chain.push(name);
  }
  return chain;
}

function isGone(name: string, link: string): boolean {
  const state = liveness(name);
  if (state !== 'unknown') return state === 'dead';
  try {
    return Date.now() - lstatSync(link).mtimeMs > UNKNOWN_HOLDER_MS;
  } catch (e) {
    if (errno(e) === 'ENOENT') return false; // released just now
    throw e;
  }
}

function makeLink(target: string, path: string): boolean {
  try {
    symlinkSync(target, path);
    return true;
  } catch (e) {
    if (errno(e) === 'EEXIST') return false;
    throw e;
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (e) {
    if (errno(e) === 'ENOENT') return undefined;
    if (errno(e) === 'EINVAL') return 'unknown'; // not a link: somebody else's file, judged by its age
    throw e;
  }
}

function removeLink(path: string): void {
  try {
    unlinkSync(path);
  } catch (e) {
    if (errno(e) !== 'ENOENT') throw e;
  }
}
