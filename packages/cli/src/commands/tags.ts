import { formatReference, parseReference } from '@skep/oci';
import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { formatRows } from '../output/format.ts';
import { out } from '../output/out.ts';
import { settingsOf } from '../settings.ts';
import { transfer } from '../transfer.ts';

/** `sha256-…`, `sha256-….sig`: what referrers and signatures are kept under where a registry has no other place. */
const digestTag = /^sha(?:256|512)-[0-9a-f]+(?:\.[a-z]+)?$/;

/** `skep tags` */
export function define(command: Command): void {
  command
    .argument('<repository>', 'HOST/NAME, without a tag')
    .option('--omit-digest-tags', 'leave out the tags of signatures and other referrers (sha256-…)')
    .option('--format <template>', "json, 'table …' or a Go template")
    .action(tags);
  examples(
    command,
    'skep tags ghcr.io/me/oomkill',
    'skep tags localhost:5000/oomkill --omit-digest-tags',
    "skep tags localhost:5000/oomkill --format '{{.Reference}}'",
    '',
    'Fields: Reference Repository Tag',
  );
}

async function tags(
  repository: string,
  flags: { omitDigestTags?: boolean; format?: string },
  command: Command,
): Promise<void> {
  const { tags } = await import('@skep/oci');
  const all = await transfer(`tags of ${repository}`, settingsOf(command), true, (o) => tags(repository, o));
  const shown = flags.omitDigestTags ? all.filter((tag) => !digestTag.test(tag)) : [...all];
  // Debian's registry lists in no order. As people count: 2 before 10.
  const { compare } = new Intl.Collator('en', { numeric: true });
  shown.sort(compare);
  const reference = parseReference(repository);
  const rows = shown.map((tag) => ({
    Reference: formatReference({ ...reference, tag }),
    Repository: repository,
    Tag: tag,
  }));
  await out(formatRows(rows, ['Tag'], flags.format ?? '{{.Tag}}'));
}
