import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { openStore } from '../images.ts';
import { out } from '../output/out.ts';
import { settingsOf } from '../settings.ts';
import { transfer } from '../transfer.ts';

/** `skep pull` */
export function define(command: Command): void {
  command
    .argument('<reference>', 'an image whose name says the registry; with -a, HOST/NAME')
    .option('-a, --all-tags', 'every tag that the registry has of a repository')
    .option('-q, --quiet', 'print only the reference')
    .option(
      '--platform <os/arch,…>',
      "of an image for several: these parts, or all; this machine's unless said",
    )
    .action(pull);
  examples(
    command,
    'skep pull ghcr.io/me/oomkill:1',
    'skep pull localhost:5000/oomkill@sha256:0123…',
    'skep pull --all-tags localhost:5000/oomkill',
  );
}

async function pull(
  reference: string,
  flags: { allTags?: boolean; quiet?: boolean; platform?: string },
  command: Command,
): Promise<void> {
  const settings = settingsOf(command);
  const { pull, pullAllTags } = await import('@skep/oci');
  const store = await openStore(settings);
  if (flags.allTags) {
    // Each is said as soon as it is there: a later failure takes none back.
    return transfer(`pulling ${reference}`, settings, flags.quiet ?? false, async (o, say) => {
      for await (const image of pullAllTags(store, reference, { ...o, platform: flags.platform })) {
        const { digest } = image.descriptor;
        await say(flags.quiet ? `${image.reference}\n` : `${image.reference}: digest: ${digest}\n`);
      }
    });
  }
  const before = (await store.resolve(reference))?.descriptor.digest;
  const image = await transfer(`pulling ${reference}`, settings, flags.quiet ?? false, (o) =>
    pull(store, reference, { ...o, platform: flags.platform }),
  );
  if (flags.quiet) return out(`${image.reference}\n`);
  const { digest } = image.descriptor;
  const status =
    before !== digest
      ? 'Downloaded newer image'
      : image.arrived.length > 0
        ? 'Downloaded what was missing or damaged'
        : 'Image is up to date';
  await out(`Digest: ${digest}\nStatus: ${status} for ${image.reference}\n`);
}
