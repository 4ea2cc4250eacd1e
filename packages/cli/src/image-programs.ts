import type { Store, StoredImage } from '@skep/oci';

/** The names of an image's programs, for the list; a broken image has none rather than breaking the list. */
export async function programsOf(store: Store, image: StoredImage): Promise<string[]> {
  const { describeObject, unpackImage } = await import('@skep/probe');
  try {
    const { objects } = await unpackImage(store, image);
    return objects.flatMap((o) => describeObject(o.bytes, o.name).programs.map((p) => p.name));
  } catch {
    return ['(unreadable)'];
  }
}
