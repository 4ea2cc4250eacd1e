import { dirname, resolve } from 'node:path';
import { aboutImage, extrasOf, folderOf } from '../build-folder.ts';
import { buildObjects } from '../build-objects.ts';
import { objectName } from '../compile.ts';
import { usageError } from '../errors.ts';
import { openStore } from '../images.ts';
import type { Settings } from '../settings.ts';

/** What one build made. */
export interface Built {
  /** `calls:dev`, in the local store. */
  reference: string;
  digest: string;
  /** Absolute paths of the sources and of what they include. */
  files: string[];
}

/**
 * Builds a folder, or one C file, as `skep build` does, under a name of its own.
 *
 * @param running the digest of what runs: it is kept as `NAME:dev-before`
 */
export async function buildOnce(
  word: string,
  running: string | undefined,
  settings: Settings,
): Promise<Built> {
  const folder = await folderOf([word]);
  if (!folder && !word.endsWith('.c'))
    throw usageError(
      `"${word}" is neither a folder nor a .c file`,
      'skep dev FOLDER, with a skep.yaml in it.',
    );
  const { dir, files } = folder ?? { dir: dirname(word), files: [word] };
  const about = await aboutImage(dir, {});
  const { files: read, ...built } = await buildObjects(files, {}, undefined);
  const name = about.title ?? imageName(files[0]!);
  const extras = await extrasOf(dir, files, [{ files: read }], {}, name);
  const { packImage } = await import('@skep/probe');
  const store = await openStore(settings);
  const last = await store.resolve(`${name}:dev`);
  if (last && last.descriptor.digest === running) await store.tag(`${name}:dev`, `${name}:dev-before`);
  const stored = await packImage(store, `${name}:dev`, { ...about, ...built, extras, name });
  const sources = files.map((file) => resolve(file));
  return {
    reference: stored.reference,
    digest: stored.descriptor.digest,
    files: [...new Set([...sources, ...read])],
  };
}

/** `Mein Probe.bpf.c` is `mein_probe`: what can be the name of an image. */
function imageName(file: string): string {
  const plain = objectName(file).replace(/\.o$/, '').toLowerCase();
  const separated = plain.replace(/[^a-z0-9]+/g, (s) => (/^(\.|__?|-+)$/.test(s) ? s : '-'));
  return separated.replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '') || 'probe';
}
