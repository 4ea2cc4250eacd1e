import type { CopyResult } from '@skep/oci';
import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { note } from '../output/out.ts';
import { settingsOf } from '../settings.ts';
import { transfer } from '../transfer.ts';

/** `skep copy` */
export function define(command: Command): void {
  command
    .argument('<source>', 'HOST/NAME[:TAG][@DIGEST]; with -a, HOST/NAME')
    .argument('<target>', "HOST/NAME[:TAG]; without a tag, the source's")
    .option('-a, --all-tags', 'every tag of the repository')
    .option('--no-referrers', 'leave out signatures, attestations and whatever else refers to the image')
    .option('-q, --quiet', 'print only the reference')
    .action(copy);
  examples(
    command,
    'skep copy staging.example/me/oomkill:1 ghcr.io/me/oomkill:1',
    'skep copy localhost:5000/a/oomkill:1 localhost:5000/b/oomkill',
    'skep copy ghcr.io/me/oomkill@sha256:0123… registry.example/mirror/oomkill:1',
    'skep copy --all-tags staging.example/me/oomkill ghcr.io/me/oomkill',
    '',
    'All platforms of an image are copied, and nothing enters the local store. With -a, an image that the target has under its tag counts as there; one that has lost blobs gets them again by a copy of that one name, which asks for each.',
  );
}

interface Flags {
  allTags?: boolean;
  referrers: boolean;
  quiet?: boolean;
}

async function copy(source: string, target: string, flags: Flags, command: Command): Promise<void> {
  const { copy, copyAllTags } = await import('@skep/oci');
  await transfer(`copying ${source}`, settingsOf(command), flags.quiet ?? false, async (o, say) => {
    const options = { ...o, withoutReferrers: !flags.referrers };
    const tell = async (done: CopyResult) => {
      await say(textOf(done, flags));
      for (const digest of done.leftOut)
        note(
          `${done.reference} was copied without ${digest}: ${source} lists it as a referrer, which it is not, or lacks a part of it`,
        );
    };
    if (!flags.allTags) return tell(await copy(source, target, options));
    // Each is said as soon as it is there: a later failure takes none back.
    for await (const done of copyAllTags(source, target, options)) await tell(done);
  });
}

function textOf(done: CopyResult, { quiet, allTags }: Flags): string {
  if (quiet) return `${done.reference}\n`;
  const digest = `${done.reference}: digest: ${done.digest}\n`;
  if (allTags) return digest;
  const blobs = [
    counted(done.uploaded.length, 'sent'),
    counted(done.mounted.length, 'mounted'),
    counted(done.existing.length, 'there already'),
  ].filter((part) => part !== '');
  const referrers = done.referrers.length;
  const also = referrers === 0 ? '' : `, ${referrers} ${referrers === 1 ? 'referrer' : 'referrers'}`;
  return `${digest}${done.manifests.length} ${done.manifests.length === 1 ? 'manifest' : 'manifests'}${also}, blobs: ${blobs.join(', ')}\n`;
}

function counted(n: number, what: string): string {
  return n === 0 ? '' : `${n} ${what}`;
}
