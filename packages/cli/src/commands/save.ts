import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { usageError } from '../errors.ts';
import { examples } from '../examples.ts';
import { replaceable } from '../fs-errors.ts';
import { findImage, openStore } from '../images.ts';
import { wholeOutput } from '../output/out.ts';
import { settingsOf } from '../settings.ts';

/** `skep save` */
export function define(command: Command): void {
  command
    .argument('<reference...>', 'images of the local store')
    .option('-o, --output <file>', 'write it here instead of to standard output')
    .action(save);
  examples(
    command,
    'skep save -o probes.tar oomkill:1 opensnoop:1',
    'skep save oomkill:1 | gzip > oomkill.tar.gz',
    'skep save oomkill:1 | ssh node1 skep load',
    'skopeo inspect oci-archive:probes.tar:oomkill:1',
    '',
    'An OCI archive, as skopeo, podman and docker read it. The same images give the same bytes.',
  );
}

async function save(references: string[], flags: { output?: string }, command: Command): Promise<void> {
  if (flags.output === undefined && process.stdout.isTTY) {
    throw usageError('an archive is nothing for a terminal', 'Name a file with -o, or send it into a pipe.');
  }
  const { saveImages } = await import('@skep/oci');
  const store = await openStore(settingsOf(command));
  for (const reference of references) await findImage(store, reference);
  const archive = Readable.from(saveImages(store, references), { objectMode: false });
  const { output } = flags;
  if (output === undefined) {
    wholeOutput();
    return pipeline(archive, process.stdout, { end: false });
  }
  try {
    // A device or a pipe is written into: in its place, a file would be in its way.
    await ((await replaceable(output))
      ? inOneStep(archive, output)
      : pipeline(archive, createWriteStream(output)));
  } catch (e) {
    if (e instanceof Error && 'path' in e) e.path = output;
    throw e;
  }
}

/** A file of this name is a whole archive, or was there before; Ctrl-C leaves nothing else. */
async function inOneStep(archive: Readable, output: string): Promise<void> {
  const fresh = `${output}.${process.pid}.new`;
  const abort = new AbortController();
  const give = () => abort.abort();
  process.once('SIGINT', give).once('SIGTERM', give);
  try {
    await pipeline(archive, createWriteStream(fresh, { flags: 'wx' }), { signal: abort.signal });
    renameSync(fresh, output);
  } catch (e) {
    rmSync(fresh, { force: true });
    if (!abort.signal.aborted) throw e;
    const { OciError } = await import('@skep/oci');
    const hint = 'Start it again; nothing of it is left.';
    throw new OciError('SKEP_ABORTED', `The writing of ${output} was stopped.`, { hint, cause: e });
  } finally {
    process.removeListener('SIGINT', give).removeListener('SIGTERM', give);
  }
}
