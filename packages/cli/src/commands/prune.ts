import { type Command, Option } from 'commander';
import { examples } from '../examples.ts';
import { openStore } from '../images.ts';
import { out } from '../output/out.ts';
import { humanSize } from '../output/size.ts';
import { settingsOf } from '../settings.ts';

interface Flags {
  all?: boolean;
  dryRun?: boolean;
  quiet?: boolean;
}

/** `skep prune` */
export function define(command: Command): void {
  command
    .option('-a, --all', 'also what is younger than an hour, which another tool may be copying just now')
    .option('--dry-run', 'only say what would go')
    .option('-q, --quiet', 'print nothing')
    .addOption(new Option('-f, --force', 'as in docker; nothing is asked here').hideHelp())
    .action(prune);
  examples(
    command,
    'skep prune',
    'skep prune --all --dry-run',
    '',
    'Takes blobs that no image needs, such as what a broken pull left. Images stay: skep rm removes those. What a skep that runs at the same time is about to use is spared, with --all too.',
  );
}

async function prune(flags: Flags, command: Command): Promise<void> {
  const store = await openStore(settingsOf(command));
  const { freed, young } = await store.prune(flags);
  if (flags.quiet) return;
  const sum = (blobs: typeof freed) => humanSize(blobs.reduce((n, b) => n + b.size, 0));
  const verb = flags.dryRun ? 'Would delete' : 'Deleted';
  let text = freed.map((b) => `${verb}: ${b.digest}\n`).join('');
  text += `Total ${flags.dryRun ? 'reclaimable' : 'reclaimed'} space: ${sum(freed)}\n`;
  if (young.length > 0) {
    text += `${young.length} more (${sum(young)}) are younger than an hour: --all takes them too.\n`;
  }
  await out(text);
}
