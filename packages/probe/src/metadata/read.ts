import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ProbeError } from '../errors.ts';
import type { Metadata } from './types.ts';

/** What the file is called. */
export const METADATA_FILE = 'skep.yaml';

const MAX_BYTES = 64 * 1024;

/**
 * Reads the skep.yaml of a folder; undefined when there is none. The YAML parser is loaded only when there is one.
 *
 * ```ts
 * const { name, version, sources } = (await readMetadata('probes/oomkill')) ?? {};
 * ```
 *
 * @throws {ProbeError} `SKEP_METADATA` when it cannot be read or says something that it may not, with the line
 */
export async function readMetadata(dir: string): Promise<Metadata | undefined> {
  const file = join(dir, METADATA_FILE);
  const text = await contents(file);
  if (text === undefined) return undefined;
  const { parseMetadata } = await import('./parse.ts');
  return parseMetadata(text, file);
}

async function contents(file: string): Promise<string | undefined> {
  try {
    const about = await stat(file);
    if (!about.isFile()) throw unreadable(file, 'is no file');
    if (about.size > MAX_BYTES)
      throw unreadable(file, `has ${about.size} bytes, more than the 64 KiB allowed`);
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof ProbeError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(file, `cannot be read: ${code ?? message}`, cause);
  }
}

function unreadable(file: string, why: string, cause?: unknown): ProbeError {
  return new ProbeError('SKEP_METADATA', `${file} ${why}.`, {
    hint: 'It is a small text file with a name, a description and the like, readable by who builds.',
    cause,
  });
}
