import { writeFile } from 'node:fs/promises';
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
  EMFILE: { says: 'too many open files', hint: 'Raise the limit: ulimit -n 4096.', kind: 'general' },
  ENFILE: { says: 'too many open files on this machine', hint: 'Raise fs.file-max.', kind: 'general' },
  ELOOP: { says: 'too many symbolic links', hint: 'Check the path.', kind: 'notFound' },
  ENAMETOOLONG: { says: 'the name is too long', hint: 'Use a shorter one.', kind: 'usage' },
  EIO: { says: 'the disk failed', hint: 'dmesg says more.', kind: 'general' },
  EADDRINUSE: { says: 'the address is occupied', hint: 'Ask for another port.', kind: 'general' },
};

/** Writes a file; an error names it also where the system's own does not (a disk that is full). */
export async function writeWhole(
  path: string,
  data: string | Uint8Array,
  flag: 'w' | 'wx' = 'w',
): Promise<void> {
  try {
    await writeFile(path, data, { flag });
  } catch (e) {
    if (e instanceof Error && !('path' in e)) Object.assign(e, { path });
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
