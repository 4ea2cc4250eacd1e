import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { type ListedImage, listImages } from '../listed-images.ts';
import { humanAge } from '../output/age.ts';
import { formatRows, type Row } from '../output/format.ts';
import { out } from '../output/out.ts';
import { humanSize } from '../output/size.ts';
import { settingsOf } from '../settings.ts';

const columns = ['Reference', 'Digest', 'Size', 'CreatedSince', 'Programs'];

/** `skep list` */
export function define(command: Command): void {
  command
    .argument('[reference]', 'only images of this name')
    .option('-q, --quiet', 'only digests')
    .option('--no-trunc', 'whole digests, all programs')
    .option('--format <template>', "json, 'table …' or a Go template")
    .action(list);
  examples(
    command,
    'skep list',
    'skep list -q',
    "skep list --format '{{.Reference}} {{.Size}}'",
    "skep list --format 'table {{.Repository}}\\t{{.Tag}}\\t{{.CreatedSince}}'",
    'skep list --format json',
    '',
    'Fields: Reference Repository Tag Digest ID Size SizeBytes CreatedAt CreatedSince Platform Programs',
  );
}

async function list(
  only: string | undefined,
  flags: { quiet?: boolean; trunc: boolean; format?: string },
  command: Command,
): Promise<void> {
  const now = new Date();
  const all = await listImages(settingsOf(command));
  const images = only === undefined ? all : all.filter(({ reference }) => matches(reference, only));
  if (flags.quiet) {
    // Each once, so that `skep rm $(skep list -q)` takes away all names of an image and does not miss it the next time.
    const digests = new Set(images.map((i) => shortened(i.digest, flags.trunc)));
    return out([...digests].map((digest) => `${digest}\n`).join(''));
  }
  await out(formatRows(images.map(rowOf), columns, flags.format));

  /** With ten thousand of them, what no column shows is not worked out. */
  function rowOf(image: ListedImage): Row {
    const digest = shortened(image.digest, flags.trunc);
    const created = image.created > 0 ? new Date(image.created) : undefined;
    const shown = {
      // A template may pass it on to another command, which needs the whole digest.
      Reference: flags.format === undefined ? image.reference.replace(/@.*/, `@${digest}`) : image.reference,
      Digest: digest,
      Size: humanSize(image.size),
      CreatedSince: humanAge(created, now),
      Programs: listed(image.programs, flags.trunc),
    };
    if (flags.format === undefined) return shown;
    const { repository, tag } = splitReference(image.reference);
    return {
      Reference: shown.Reference,
      Repository: repository,
      Tag: tag,
      Digest: digest,
      ID: digest.replace('sha256:', ''),
      Size: shown.Size,
      SizeBytes: image.size,
      CreatedAt: created?.toISOString() ?? '',
      CreatedSince: shown.CreatedSince,
      Platform: image.platform,
      Programs: shown.Programs,
    };
  }
}

/** A few names and how many more: the whole list would not fit a line. */
function listed(joined: string, trunc: boolean): string {
  if (!trunc) return joined;
  const names = joined.split(',');
  return names.length > 4 ? `${names.slice(0, 3).join(',')} +${names.length - 3}` : joined;
}

function shortened(digest: string, trunc: boolean): string {
  return trunc ? digest.slice(0, 'sha256:'.length + 12) : digest;
}

/** `host:5000/a/b:1` is `host:5000/a/b` and `1`; without a tag `<none>`, as docker says. */
export function splitReference(reference: string): { repository: string; tag: string } {
  const name = reference.split('@', 1)[0]!;
  const colon = name.lastIndexOf(':');
  if (colon <= name.lastIndexOf('/')) return { repository: name, tag: '<none>' };
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}

function matches(reference: string, wanted: string): boolean {
  return reference === wanted || splitReference(reference).repository === wanted;
}
