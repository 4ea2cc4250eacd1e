import type { Command } from 'commander';
import { examples } from '../examples.ts';
import type { ListedImage } from '../listed-cache.ts';
import { listImages, listLines } from '../listed-images.ts';
import { linesOf, listed, shortened, tableOf } from '../listed-table.ts';
import { humanAge } from '../output/age.ts';
import { formatRows, type Row } from '../output/format.ts';
import { out } from '../output/out.ts';
import { humanSize } from '../output/size.ts';
import { renderTable } from '../output/table.ts';
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
  const settings = settingsOf(command);
  if (only === undefined && !flags.quiet && flags.format === undefined && flags.trunc) {
    await listLines(settings, (lines) => out(tableOf(lines)));
    return;
  }
  const all = await listImages(settings);
  const images = only === undefined ? all : all.filter(({ reference }) => matches(reference, only));
  if (flags.quiet) {
    // Each once, so that `skep rm $(skep list -q)` takes away all names of an image and does not miss it the next time.
    const digests = new Set(images.map((i) => shortened(i.digest, flags.trunc)));
    return out([...digests].map((digest) => `${digest}\n`).join(''));
  }
  if (flags.format !== undefined) return out(formatRows(images.map(rowOf), columns, flags.format));
  if (flags.trunc) return out(tableOf(linesOf(images)));
  const cells = images.map((i) => [
    i.reference,
    i.digest,
    humanSize(i.size),
    humanAge(created(i)),
    i.programs,
  ]);
  await out(renderTable(['REFERENCE', 'DIGEST', 'SIZE', 'CREATED', 'PROGRAMS'], cells));

  function rowOf(image: ListedImage): Row {
    const digest = shortened(image.digest, flags.trunc);
    const { repository, tag } = splitReference(image.reference);
    const made = created(image);
    return {
      // A template may pass it on to another command, which needs the whole digest.
      Reference: image.reference,
      Repository: repository,
      Tag: tag,
      Digest: digest,
      ID: digest.replace('sha256:', ''),
      Size: humanSize(image.size),
      SizeBytes: image.size,
      CreatedAt: made?.toISOString() ?? '',
      CreatedSince: humanAge(made),
      Platform: image.platform,
      Programs: listed(image.programs, flags.trunc),
    };
  }
}

function created(image: ListedImage): Date | undefined {
  return image.created > 0 ? new Date(image.created) : undefined;
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
