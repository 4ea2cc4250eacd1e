import type { ExtraKind, ExtraLayer } from '@skep/probe';
import type { Source } from '../probe-source.ts';
import { runSource } from '../run/source.ts';
import type { Settings } from '../settings.ts';

/**
 * What is to be run (an image is pulled when it is absent), the folder of the store that has it, and the optional layers of a
 * kind that it carries; a file is in no store and carries none.
 */
export async function sourceWith(
  program: string,
  kind: ExtraKind | undefined,
  settings: Settings,
): Promise<Source & { readonly storage?: string; readonly extras: readonly ExtraLayer[] }> {
  let extras: readonly ExtraLayer[] = [];
  let storage: string | undefined;
  // In a check, since under sudo the image may be in the store of the one who called, with whose rights it is read.
  const source = await runSource(program, { pull: 'missing' }, settings, async ({ stored }, store) => {
    storage = store?.dir;
    if (kind === undefined || !stored || !store) return;
    const { readExtras } = await import('@skep/probe');
    extras = await readExtras(store, stored, kind);
  });
  return { ...source, extras, ...(storage !== undefined && { storage }) };
}
