import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ExtraLayer, ProbeImage } from '@skep/probe';
import { usageError } from './errors.ts';

/** `skep build FOLDER [NAME]`: what its skep.yaml lists, called as it says; undefined when the first word is no folder. */
export async function folderOf(
  words: readonly string[],
): Promise<{ files: string[]; reference: string; dir: string } | undefined> {
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
    dir,
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

/** What an image says of itself: what the flags say, then the skep.yaml of the folder. */
export async function aboutImage(
  dir: string,
  flags: { description?: string; authors?: string },
): Promise<Omit<ProbeImage, 'name' | 'objects'>> {
  const { readMetadata } = await import('@skep/probe');
  const about = await readMetadata(dir);
  return {
    description: flags.description ?? about?.description,
    authors: flags.authors ?? about?.authors?.join(', '),
    title: about?.name,
    version: about?.version,
    licenses: about?.license,
    source: about?.source,
    attach: about?.attach,
    params: about?.params,
    show: about?.show,
  };
}

/** The optional layers: what the skep.yaml of the folder names, and the sources if that or a flag asks for them. */
export async function extrasOf(
  folder: string,
  files: readonly string[],
  built: readonly { files: readonly string[] }[],
  flags: { embedSources?: boolean },
  name: string,
): Promise<ExtraLayer[]> {
  const { readMetadata } = await import('@skep/probe');
  const { gatherExtras } = await import('@skep/probe/extras');
  const dir = resolve(folder);
  const metadata = await readMetadata(dir);
  const embeds = flags.embedSources || metadata?.embed_sources === 'true';
  const object = files.find((file) => file.endsWith('.o'));
  if (embeds && object !== undefined)
    throw usageError(`${object} is compiled already: it has no sources to embed`, 'Name the .c file.');
  const sources = files.map((file) => resolve(file));
  const read = [...new Set(built.flatMap((b) => b.files))];
  return gatherExtras({ dir, metadata, sources, name, ...(embeds && { embed: read }) });
}
