import type { Store, StoredImage } from '@skep/oci';
import { looksLikePath } from '../probe-source.ts';
import type { Instance } from './folder.ts';

/**
 * Who of the instances that run uses an image. What runs needs it no more, but whoever starts it again does: a unit, a script.
 *
 * @param instances as they are now, with those that have ended
 * @returns the instance by what `skep rm` was told: a name, or a digest, which stands for all names
 */
export async function usersOf(
  instances: readonly Instance[],
  store: Store,
): Promise<(reference: string) => Promise<Instance | undefined>> {
  const byName = new Map<string, Instance>();
  const byDigest = new Map<string, Instance>();
  for (const instance of instances) {
    if (instance.state !== 'running' && instance.state !== 'created') continue;
    for (const program of instance.programs) {
      const image = looksLikePath(program) ? undefined : await imageOf(store, program);
      if (image === undefined) continue;
      byName.set(image.reference, instance);
      byDigest.set(image.descriptor.digest, instance);
    }
  }
  return async (reference) => {
    if (byName.size === 0) return undefined;
    const image = await imageOf(store, reference);
    if (image === undefined) return undefined;
    const allNames =
      /^(sha\d{3}:)?[0-9a-f]{4,}$/.test(reference) && image.descriptor.digest.includes(reference);
    return byName.get(image.reference) ?? (allNames ? byDigest.get(image.descriptor.digest) : undefined);
  };
}

/** Undefined for what is no image of the store, or a broken one, of which nobody has a use. */
function imageOf(store: Store, reference: string): Promise<StoredImage | undefined> {
  return store.resolve(reference).catch(() => undefined);
}
