import { lstat, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ExitCodeName } from './exit-codes.ts';

interface Sentence {
  message: string;
  hint: string;
  kind: Exclude<ExitCodeName, 'ok'>;
}

const sentences: Record<string, { says: string; hint: string; kind: Sentence['kind'] }> = {
  EACCES: { says: 'permission denied', hint: 'Check who owns it, or use another path.', kind: 'permission' },
  EPERM: {
    says: 'the system does not permit it',
    hint: 'Check who owns it, or run with sudo.',
    kind: 'permission',
  },
  EROFS: { says: 'the file system is read-only', hint: 'Use another path.', kind: 'permission' },
  ENOENT: {
    says: 'no such file or folder',
    hint: 'Check the spelling and the current folder.',
    kind: 'notFound',
  },
  ENOTDIR: { says: 'a part of the path is not a folder', hint: 'Check the path.', kind: 'notFound' },
  EISDIR: { says: 'is a folder, a file was expected', hint: 'Name a file in it.', kind: 'usage' },
  EEXIST: { says: 'exists already', hint: 'Remove it or use another name.', kind: 'general' },
  ENOTEMPTY: { says: 'the folder is not empty', hint: 'Use another one.', kind: 'general' },
  ENOSPC: {
    says: 'no space left on the disk',
    hint: 'Free some, or write to another disk (for images: --storage).',
    kind: 'general',
  },
  EDQUOT: {
    says: 'the disk quota is used up',
    hint: 'Free some, or write to another disk (for images: --storage).',
    kind: 'general',
  },
  EFBIG: {
    says: 'the file would be larger than it may be',
    hint: 'Raise the limit: ulimit -f.',
    kind: 'general',
  },
  EMFILE: { says: 'too many open files', hint: 'Raise the limit: ulimit -n 4096.', kind: 'general' },
  ENFILE: { says: 'too many open files on this machine', hint: 'Raise fs.file-max.', kind: 'general' },
  ELOOP: { says: 'too many symbolic links', hint: 'Check the path.', kind: 'notFound' },
  ENAMETOOLONG: { says: 'the name is too long', hint: 'Use a shorter one.', kind: 'usage' },
  EBADF: { says: 'is not open', hint: 'Send it to /dev/null if nobody shall read it.', kind: 'general' },
  EPIPE: {
    says: 'its reader went away before the end',
    hint: 'What it has is not whole.',
    kind: 'general',
  },
  EIO: { says: 'the disk failed', hint: 'dmesg says more.', kind: 'general' },
  EADDRINUSE: { says: 'the address is occupied', hint: 'Ask for another port.', kind: 'general' },
};

/** Writes a file, whole or not at all; an error names it also where the system's own does not. */
export async function writeWhole(
  path: string,
  data: string | Uint8Array,
  flag: 'w' | 'wx' = 'w',
): Promise<void> {
  try {
    await (flag === 'w' && (await replaceable(path))
      ? replaceFile(path, data)
      : writeFile(path, data, { flag }));
  } catch (e) {
    if (e instanceof Error) Object.assign(e, { path });
    throw e;
  }
}

/** A file, or nothing yet; not a device, a pipe or a link, which are written into. */
export async function replaceable(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch {
    return true; // nothing there yet, or writing will say what is wrong
  }
}

/** In one step, so that a disk that fills up leaves neither half a file nor takes away the one that was there. */
async function replaceFile(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.skep-${process.pid}.tmp`);
  try {
    await writeFile(temporary, data, { flag: 'wx' });
    await rename(temporary, path);
  } catch (e) {
    await rm(temporary, { force: true }).catch(() => undefined); // a folder that is read-only holds none
    throw e;
  }
}

/** The sentence for an error of node:fs and its like (`code`, `path`, `syscall`), or undefined. */
export function filesystemSentence(e: unknown): Sentence | undefined {
  if (!(e instanceof Error) || !('code' in e) || typeof e.code !== 'string') return undefined;
  const known = sentences[e.code];
  if (!known) return undefined;
  const path = 'path' in e && typeof e.path === 'string' ? e.path : '';
  return { message: path ? `${path}: ${known.says}` : known.says, hint: known.hint, kind: known.kind };
}
