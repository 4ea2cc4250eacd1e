import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { out } from '../output/out.ts';
import { settingsOf } from '../settings.ts';
import { transfer } from '../transfer.ts';

/** `skep copy` */
export function define(command: Command): void {
  command
    .argument('<source>', 'HOST/NAME[:TAG][@DIGEST]')
    .argument('<target>', "HOST/NAME[:TAG]; without a tag, the source's")
    .option('--no-referrers', 'leave out signatures, attestations and whatever else refers to the image')
    .option('-q, --quiet', 'print only the reference')
    .action(copy);
  examples(
    command,
    'skep copy staging.example/me/oomkill:1 ghcr.io/me/oomkill:1',
    'skep copy localhost:5000/a/oomkill:1 localhost:5000/b/oomkill',
    'skep copy ghcr.io/me/oomkill@sha256:0123… registry.example/mirror/oomkill:1',
    '',
    'All platforms of an image are copied, and nothing enters the local store.',
  );
}

async function copy(
  source: string,
  target: string,
  flags: { referrers: boolean; quiet?: boolean },
  command: Command,
): Promise<void> {
  const { copy } = await import('@skep/oci');
  const done = await transfer(`copying ${source}`, settingsOf(command), flags.quiet ?? false, (o) =>
    copy(source, target, { ...o, withoutReferrers: !flags.referrers }),
  );
  if (flags.quiet) return out(`${done.reference}\n`);
  const blobs = [
    counted(done.uploaded.length, 'sent'),
    counted(done.mounted.length, 'mounted'),
    counted(done.existing.length, 'there already'),
  ].filter((part) => part !== '');
  const referrers = done.referrers.length;
  const also = referrers === 0 ? '' : `, ${referrers} ${referrers === 1 ? 'referrer' : 'referrers'}`;
  await out(
    `${done.reference}: digest: ${done.digest}\n${done.manifests.length} ${done.manifests.length === 1 ? 'manifest' : 'manifests'}${also}, blobs: ${blobs.join(', ')}\n`,
  );
}

function counted(n: number, what: string): string {
  return n === 0 ? '' : `${n} ${what}`;
}
