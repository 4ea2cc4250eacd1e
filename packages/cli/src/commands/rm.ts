import type { Command } from 'commander';
import { report } from '../errors.ts';
import { examples } from '../examples.ts';
import { findImage, openStore } from '../images.ts';
import { out } from '../output/out.ts';
import { settingsOf } from '../settings.ts';

/** `skep rm` */
export function define(command: Command): void {
  command
    .argument('<reference...>', 'images to remove')
    .option('-f, --force', 'no error for an image that is not there')
    .option('-q, --quiet', 'print nothing')
    .action(remove);
  examples(command, 'skep rm oomkill:1', 'skep rm $(skep list -q)');
}

/** One wrong name does not keep the others; it is said, and the exit code is its. */
async function remove(
  references: string[],
  flags: { force?: boolean; quiet?: boolean },
  command: Command,
): Promise<void> {
  const settings = settingsOf(command);
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
