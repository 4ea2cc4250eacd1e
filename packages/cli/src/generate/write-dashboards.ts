import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ExtraLayer, isFileName, type ProbeImage } from '@skep/probe';
import { usageError } from '../errors.ts';
import { writeWhole } from '../fs-errors.ts';
import { notInProc } from '../not-in-proc.ts';
import { out } from '../output/out.ts';
import { dashboardOf } from './dashboard.ts';

/**
 * Writes the dashboards that an image carries, or else one made of its metrics: to standard output, or each into a file of the
 * folder, whose path is printed.
 *
 * @throws CliError SKEP_USAGE for several that should all go to standard output
 */
export async function writeDashboards(
  image: ProbeImage,
  carried: readonly ExtraLayer[],
  folder: string | undefined,
): Promise<void> {
  const found = carried.length > 0 ? carried : [await made(image)];
  if (folder === undefined) {
    if (found.length === 1) return out(ended(found[0]!.bytes));
    throw usageError(
      `${image.name} carries ${found.length} dashboards`,
      'Name a folder for them: --output FOLDER.',
    );
  }
  notInProc(folder, 'no folder', 'Name one on a disk: --output FOLDER.');
  await mkdir(folder, { recursive: true });
  for (const { name, bytes } of found) {
    // A title is checked when a layer is packed, by whoever packed it.
    if (!isFileName(name))
      throw usageError(
        `a dashboard of ${image.name} is called "${name}", which is no name of a file`,
        'Without --output a single one goes to standard output.',
      );
    await writeWhole(join(folder, name), bytes);
    await out(`${join(folder, name)}\n`);
  }
}

async function made(image: ProbeImage): Promise<Pick<ExtraLayer, 'name' | 'bytes'>> {
  const { metricsOf } = await import('@skep/runtime');
  const title = image.title ?? image.name;
  const { description } = image;
  const text = dashboardOf({ title, description, metrics: metricsOf(image.objects, image.show) });
  return { name: 'dashboard.json', bytes: Buffer.from(text) };
}

function ended(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('utf8');
  return text.endsWith('\n') ? text : `${text}\n`;
}
