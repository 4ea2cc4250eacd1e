import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { type ListedImage, listImages } from '../listed-images.ts';
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
  const all = await listImages(settingsOf(command));
  const images = only === undefined ? all : all.filter(({ reference }) => matches(reference, only));
  if (flags.quiet) {
    // Each once, so that `skep rm $(skep list -q)` takes away all names of an image and does not miss it the next time.
    const digests = new Set(images.map((i) => shortened(i.digest, flags.trunc)));
    return out([...digests].map((digest) => `${digest}\n`).join(''));
  }
  if (flags.format !== undefined) return out(formatRows(images.map(rowOf), columns, flags.format));
  // With ten thousand of them every object counts.
  const age = ages();
  const cells = images.map((image) => {
    const digest = shortened(image.digest, flags.trunc);
    const { reference } = image;
    return [
      reference.includes('@') ? reference.replace(/@.*/, `@${digest}`) : reference,
      digest,
      humanSize(image.size),
      age(image.created),
      listed(image.programs, flags.trunc),
    ];
  });
  await out(renderTable(['REFERENCE', 'DIGEST', 'SIZE', 'CREATED', 'PROGRAMS'], cells));

  function rowOf(image: ListedImage): Row {
    const digest = shortened(image.digest, flags.trunc);
    const { repository, tag } = splitReference(image.reference);
    const created = image.created > 0 ? new Date(image.created) : undefined;
    return {
      // A template may pass it on to another command, which needs the whole digest.
      Reference: image.reference,
      Repository: repository,
      Tag: tag,
      Digest: digest,
      ID: digest.replace('sha256:', ''),
      Size: humanSize(image.size),
      SizeBytes: image.size,
      CreatedAt: created?.toISOString() ?? '',
      CreatedSince: humanAge(created),
      Platform: image.platform,
      Programs: listed(image.programs, flags.trunc),
    };
  }
}

/** How long ago something was; images that come one after the other are often of the same second. */
function ages(now = new Date()): (created: number) => string {
  let [second, text] = [Number.NaN, ''];
  return (created) => {
    const its = Math.floor(created / 1000);
    if (its !== second) {
      second = its;
      text = humanAge(created > 0 ? new Date(created) : undefined, now);
    }
    return text;
  };
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
