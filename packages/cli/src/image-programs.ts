import type { Store, StoredImage } from '@skep/oci';

/**
 * The names of an image's programs, as its config says, or out of its objects where it has none of ours. None for an image
 * that is damaged or no probe: the list shows the others all the same.
 *
 * @returns `passing` when a second look may find them: a file could not be read
 */
export async function readPrograms(
  store: Store,
  image: StoredImage,
): Promise<{ names?: string[]; passing?: true }> {
  const { describeObject, programsInConfig, unpackImage } = await import('@skep/probe');
  try {
    if (image.damaged) throw image.damaged;
    const said = programsInConfig(await store.readBlob(image.manifest.config.digest), image);
    if (said) return { names: said };
    const { objects } = await unpackImage(store, image);
    return { names: objects.flatMap((o) => describeObject(o.bytes, o.name).programs.map((p) => p.name)) };
  } catch (e) {
    const code = e instanceof Error && 'code' in e ? String(e.code) : '';
    if (!image.damaged && isContainer(image)) return { names: ['(container)'] };
    return /^(SKEP_(STORE_CORRUPT|IMAGE|MANIFEST|MEDIA|PLATFORM|ELF|BTF|NOT_FOUND|OBJECT))/.test(code)
      ? {}
      : { passing: true };
  }
}

/** As `skep package` makes them: an engine runs it, not we. */
function isContainer({ manifest: { layers } }: StoredImage): boolean {
  return (
    layers.length > 0 &&
    layers.every((l) => /^application\/vnd\..*\.(tar|tar\.gzip|tar\+(gzip|zstd))$/.test(l.mediaType))
  );
}
