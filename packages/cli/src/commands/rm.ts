import type { Command } from 'commander';
import { report } from '../errors.ts';
import { examples } from '../examples.ts';
import { findImage, openStore } from '../images.ts';
import { out } from '../output/out.ts';
import { type Settings, settingsOf } from '../settings.ts';
import { transfer } from '../transfer.ts';

/** `skep rm` */
export function define(command: Command): void {
  command
    .argument('<reference...>', 'images to remove')
    .option('--remote', 'delete in the registry, not here: HOST/NAME:TAG or HOST/NAME@DIGEST')
    .option('-f, --force', 'no error for an image that is not there')
    .option('-q, --quiet', 'print nothing')
    .action(remove);
  examples(
    command,
    'skep rm oomkill:1',
    'skep rm $(skep list -q)',
    'skep rm --remote localhost:5000/oomkill:1               the tag; the image stays for its other tags',
    'skep rm --remote localhost:5000/oomkill@sha256:0123…    the image, with all its tags',
    '',
    'A registry that cannot take away a tag alone is left as it is if the image has more tags, and loses the image if it',
    'has no other. Blobs go when the registry next collects its garbage.',
  );
}

interface Flags {
  force?: boolean;
  quiet?: boolean;
  remote?: boolean;
}

/** One wrong name does not keep the others; it is said, and the exit code is its. */
async function remove(references: string[], flags: Flags, command: Command): Promise<void> {
  const settings = settingsOf(command);
  if (flags.remote) return removeInRegistries(references, flags, settings);
  const store = await openStore(settings);
  for (const reference of references) {
    try {
      if (flags.force && !(await store.resolve(reference))) continue;
      await findImage(store, reference);
      const { removed, freed } = await store.remove(reference);
      if (flags.quiet) continue;
      await out([...removed.map((r) => `Untagged: ${r}\n`), ...freed.map((d) => `Deleted: ${d}\n`)].join(''));
    } catch (e) {
      process.exitCode = report(e, settings.verbose);
    }
  }
}

async function removeInRegistries(references: string[], flags: Flags, settings: Settings): Promise<void> {
  const { OciError, removeRemote } = await import('@skep/oci');
  for (const reference of references) {
    try {
      const { untagged, deleted } = await transfer(`deleting ${reference}`, settings, true, (o) =>
        removeRemote(reference, o),
      );
      if (flags.quiet) continue;
      await out(`${untagged ? `Untagged: ${untagged}\n` : ''}${deleted ? `Deleted: ${deleted}\n` : ''}`);
    } catch (e) {
      if (flags.force && e instanceof OciError && e.code === 'SKEP_NOT_FOUND') continue;
      process.exitCode = report(e, settings.verbose);
    }
  }
}
