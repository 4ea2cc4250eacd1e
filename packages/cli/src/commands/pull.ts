import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { openStore } from '../images.ts';
import { out } from '../output/out.ts';
import { settingsOf } from '../settings.ts';
import { transfer } from '../transfer.ts';

/** `skep pull` */
export function define(command: Command): void {
  command
    .argument('<reference>', 'an image whose name says the registry')
    .option('-q, --quiet', 'print only the reference')
    .option(
      '--platform <os/arch,…>',
      "of an image for several: these parts, or all; this machine's unless said",
    )
    .action(pull);
  examples(command, 'skep pull ghcr.io/me/oomkill:1', 'skep pull localhost:5000/oomkill@sha256:0123…');
}

async function pull(
  reference: string,
  flags: { quiet?: boolean; platform?: string },
  command: Command,
): Promise<void> {
  const settings = settingsOf(command);
  const { pull } = await import('@skep/oci');
  const store = await openStore(settings);
  const before = (await store.resolve(reference))?.descriptor.digest;
  const image = await transfer(`pulling ${reference}`, settings, flags.quiet ?? false, (o) =>
    pull(store, reference, { ...o, platform: flags.platform }),
  );
  if (flags.quiet) return out(`${image.reference}\n`);
  const { digest } = image.descriptor;
  const status = before === digest ? 'Image is up to date' : 'Downloaded newer image';
  await out(`Digest: ${digest}\nStatus: ${status} for ${image.reference}\n`);
}
