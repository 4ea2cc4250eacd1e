import type { Store } from '@skep/oci';
import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { findImage, openStore } from '../images.ts';
import { out } from '../output/out.ts';
import { type Settings, settingsOf } from '../settings.ts';
import { registryOptions, transfer } from '../transfer.ts';

/** `skep push` */
export function define(command: Command): void {
  command
    .argument('<reference>', 'an image whose name says the registry; with -a, HOST/NAME')
    .option('-a, --all-tags', 'every tag that this machine has of a repository')
    .option('-q, --quiet', 'print only the reference')
    .action(push);
  examples(
    command,
    'skep tag oomkill:1 ghcr.io/me/oomkill:1',
    'skep login ghcr.io',
    'skep push ghcr.io/me/oomkill:1',
    'skep push localhost:5000/oomkill:1',
    'skep push --all-tags localhost:5000/oomkill',
    '',
    'With -a, an image that the registry has under its tag counts as there. One that has lost blobs gets them again by skep push of that one name, which asks for each.',
  );
}

interface Flags {
  quiet?: boolean;
  allTags?: boolean;
}

async function push(reference: string, flags: Flags, command: Command): Promise<void> {
  const settings = settingsOf(command);
  const { push, pushAllTags } = await import('@skep/oci');
  const store = await openStore(settings);
  if (flags.allTags) {
    const signed = store.subjects();
    // Each is said as soon as it is there: a later failure takes none back.
    return transfer(`pushing ${reference}`, settings, flags.quiet ?? false, async (o, say) => {
      for await (const done of pushAllTags(store, reference, o)) {
        if (signed.has(done.digest)) await sendSignatures(store, done.reference, done.digest, settings);
        await say(
          flags.quiet
            ? `${done.reference}\n`
            : `${done.reference}: digest: ${done.digest} size: ${done.manifestSize}\n`,
        );
      }
    });
  }
  const image = await findImage(store, reference);
  await transfer(`pushing ${reference}`, settings, flags.quiet ?? false, (o) => push(store, reference, o));
  const { digest, size } = image.descriptor;
  if (store.subjects().has(digest)) await sendSignatures(store, reference, digest, settings);
  await out(flags.quiet ? `${reference}\n` : `${reference}: digest: ${digest} size: ${size}\n`);
}

async function sendSignatures(
  store: Store,
  reference: string,
  digest: string,
  settings: Settings,
): Promise<void> {
  const { pushSignatures } = await import('../trust/index.ts');
  await pushSignatures(store, reference, digest, registryOptions(settings));
}
