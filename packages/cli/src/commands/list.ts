import { type Command, Option } from 'commander';
import { examples } from '../examples.ts';
import type { ListedImage } from '../listed-cache.ts';
import { filtered, isNamed, splitReference } from '../listed-filter.ts';
import { listImages, listLines } from '../listed-images.ts';
import { linesOf, listed, shortened, tableOf } from '../listed-table.ts';
import { humanAge } from '../output/age.ts';
import { formatRows, type Row } from '../output/format.ts';
import { out } from '../output/out.ts';
import { humanSize } from '../output/size.ts';
import { renderTable } from '../output/table.ts';
import { collect, settingsOf } from '../settings.ts';

const columns = ['Reference', 'Digest', 'Size', 'CreatedSince', 'Programs'];

/** `skep list` */
export function define(command: Command): void {
  command
    .argument('[reference]', 'only images of this name; * and ? stand for anything but a slash')
    .option('-q, --quiet', 'only digests')
    .option('-f, --filter <key=value>', 'reference, before, since or dangling; may be repeated', collect)
    .option('--no-trunc', 'whole digests, all programs')
    .option('--format <template>', "json, 'table …' or a Go template")
    .addOption(new Option('-a, --all', 'as in docker; always so here').hideHelp())
    .addOption(new Option('--digests', 'as in docker; always so here').hideHelp())
    .action(list);
  examples(
    command,
    'skep list',
    'skep list -q',
    "skep list 'ghcr.io/me/*'",
    "skep list --filter 'reference=oom*' --filter since=execsnoop:1",
    "skep list --format '{{.Reference}} {{.Size}}'",
    "skep list --format 'table {{.Repository}}\\t{{.Tag}}\\t{{.CreatedSince}}'",
    'skep list --format json',
    '',
    'Fields: Reference Repository Tag Digest ID Size SizeBytes CreatedAt CreatedSince Platform Programs',
  );
}

interface Flags {
  quiet?: boolean;
  filter?: string[];
  trunc: boolean;
  format?: string;
}

async function list(only: string | undefined, flags: Flags, command: Command): Promise<void> {
  const settings = settingsOf(command);
  const narrowed = only !== undefined || flags.filter !== undefined;
  if (!narrowed && !flags.quiet && flags.format === undefined && flags.trunc) {
    await listLines(settings, (lines) => out(tableOf(lines)));
    return;
  }
  const all = await listImages(settings);
  const images = filtered(all, flags.filter ?? []).filter(
    ({ reference }) => only === undefined || isNamed(reference, only),
  );
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
