import { imagesOf, type StoredImage } from '@skep/oci';
import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { programsOf } from '../image-programs.ts';
import { createdAt, openStore } from '../images.ts';
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
  const store = await openStore(settingsOf(command));
  const images = (await store.list())
    .filter((image) => only === undefined || matches(image.reference, only))
    .map((image) => ({ ...image, created: createdAt(store, image) }))
    .sort((a, b) => (b.created?.getTime() ?? 0) - (a.created?.getTime() ?? 0));
  if (flags.quiet) {
    // Each once, so that `skep rm $(skep list -q)` takes away all names of an image and does not miss it the next time.
    const digests = new Set(images.map((i) => shortened(i.descriptor.digest, flags.trunc)));
    return out([...digests].map((digest) => `${digest}\n`).join(''));
  }
  const rows: Row[] = [];
  for (const image of images) rows.push(await rowOf(image, flags.trunc));
  await out(formatRows(rows, columns, flags.format));

  async function rowOf(image: StoredImage, trunc: boolean): Promise<Row> {
    const { repository, tag } = splitReference(image.reference);
    const digest = shortened(image.descriptor.digest, trunc);
    return {
      // A template may pass it on to another command, which needs the whole digest.
      Reference: flags.format === undefined ? image.reference.replace(/@.*/, `@${digest}`) : image.reference,
      Repository: repository,
      Tag: tag,
      Digest: digest,
      ID: digest.replace('sha256:', ''),
      Size: humanSize(image.size),
      SizeBytes: image.size,
      CreatedAt: image.created?.toISOString() ?? '',
      CreatedSince: humanAge(image.created),
      Platform: platformOf(image),
      Programs: listed(await programsOf(store, image), trunc),
    };
  }
}

/** A few names and how many more: the whole list would not fit a line. */
function listed(names: readonly string[], trunc: boolean): string {
  const shown = trunc && names.length > 4 ? names.slice(0, 3) : names;
  const more = names.length - shown.length;
  return `${shown.join(',')}${more > 0 ? ` +${more}` : ''}`;
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

/** Of an index all that it lists, `linux/amd64,linux/arm64`, whether they are here or not. */
function platformOf({ index, descriptor }: StoredImage): string {
  const entries = index ? imagesOf(index) : [descriptor];
  return entries.flatMap(({ platform: p }) => (p ? [`${p.os}/${p.architecture}`] : [])).join(',');
}
