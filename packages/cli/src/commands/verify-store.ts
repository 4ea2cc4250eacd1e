import { OciError } from '@skep/oci';
import { openStore } from '../images.ts';
import { out } from '../output/out.ts';
import { humanSize } from '../output/size.ts';
import { toJson } from '../output/template.ts';
import type { Settings } from '../settings.ts';

/** `skep verify --store`: says all that is wrong, then fails with SKEP_STORE_CORRUPT if anything is. */
export async function verifyStore(
  settings: Settings,
  flags: { output?: 'text' | 'json'; quiet?: boolean },
): Promise<void> {
  const store = await openStore(settings);
  const { images, blobs, bytes, unreferenced, problems } = await store.check();
  if (flags.output === 'json') {
    const list = problems.map((p) => ({ Digest: p.digest, Images: p.images, Message: p.message }));
    const result = { Images: images, Blobs: blobs, Bytes: bytes, Unreferenced: unreferenced, Problems: list };
    await out(`${toJson(result, 2)}\n`);
  } else if (!flags.quiet) {
    for (const { message, images: affected } of problems) {
      await out(`${message}${affected.length > 0 ? ` Needed by ${affected.join(', ')}.` : ''}\n`);
    }
    const loose =
      unreferenced.length > 0 ? `, ${unreferenced.length} of them needed by none (skep prune)` : '';
    await out(
      `${counted(images, 'image')}, ${counted(blobs, 'blob')}${loose}, ${humanSize(bytes)} read: ${problems.length === 0 ? 'all is well' : counted(problems.length, 'problem')}\n`,
    );
  }
  if (problems.length === 0) return;
  throw new OciError('SKEP_STORE_CORRUPT', `The image store ${store.dir} is damaged.`, {
    hint: 'Pull or build the images that are named again; skep prune takes what no image needs.',
  });
}

function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
