import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ProbeImage } from '@skep/probe';
import { usageError } from './errors.ts';

/** `skep build FOLDER [NAME]`: what its skep.yaml lists, called as it says; undefined when the first word is no folder. */
export async function folderOf(
  words: readonly string[],
): Promise<{ files: string[]; reference: string } | undefined> {
  const [dir, reference, ...more] = words;
  if (dir === undefined || !(await isFolder(dir))) return undefined;
  if (more.length > 0) throw usageError(`"${more[0]}" is one word too many`, 'skep build FOLDER [NAME:TAG]');
  const { readMetadata } = await import('@skep/probe');
  const about = await readMetadata(dir);
  if (!about?.sources) {
    throw usageError(
      about ? `${join(dir, 'skep.yaml')} has no "sources"` : `the folder ${dir} has no skep.yaml`,
      `List them there, like "sources: [probe.c]", or name them: skep build ${join(dir, 'probe.c')} NAME:TAG`,
    );
  }
  return {
    files: about.sources.map((source) => join(dir, source)),
    reference: reference ?? [about.name, about.version].filter(Boolean).join(':'),
  };
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

/** What an image says of itself: what the flags say, then the skep.yaml beside its first source. */
export async function aboutImage(
  files: readonly string[],
  flags: { description?: string; authors?: string },
): Promise<Omit<ProbeImage, 'name' | 'objects'>> {
  const { readMetadata } = await import('@skep/probe');
  const about = await readMetadata(dirname(files[0]!));
  return {
    description: flags.description ?? about?.description,
    authors: flags.authors ?? about?.authors?.join(', '),
    title: about?.name,
    version: about?.version,
    licenses: about?.license,
    source: about?.source,
    attach: about?.attach,
    params: about?.params,
  };
}
