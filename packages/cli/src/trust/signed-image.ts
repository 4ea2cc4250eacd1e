import { type Descriptor, formatReference, openRegistry, parseReference } from '@skep/oci';
import { registryPlace, type SignaturePlace, storePlace } from '@skep/oci/signatures';
import { usageError } from '../errors.ts';
import { noImage, openStore } from '../images.ts';
import type { Settings } from '../settings.ts';
import { registryOptions } from '../transfer.ts';

/** An image whose signatures are asked for, and where they lie. */
export interface SignedImage extends Disposable {
  reference: string;
  /** Registry and path, without tag. */
  name: string;
  descriptor: Descriptor;
  place: SignaturePlace;
  where: 'store' | 'registry';
}

/** Finds an image in the store, or in the registry: when it is asked for, or when the store does not have it. */
export async function signedImage(
  reference: string,
  inRegistry: boolean,
  settings: Settings,
): Promise<SignedImage> {
  const store = await openStore(settings);
  const stored = inRegistry ? undefined : await store.resolve(reference);
  if (stored) {
    const { mediaType, digest, size } = stored.descriptor;
    return {
      reference: stored.reference,
      name: nameOf(stored.reference),
      descriptor: { mediaType, digest, size },
      place: storePlace(store),
      where: 'store',
      [Symbol.dispose]: () => undefined,
    };
  }
  const { registry: host, repository, tag, digest } = parseReference(reference);
  if (host === undefined) {
    if (!inRegistry) return noImage(store, reference);
    throw usageError(`${reference} is a local name: it says no registry`, `Write HOST/${reference}.`);
  }
  const options = registryOptions(settings);
  using registry = await openRegistry(host, options);
  const fetched = await registry.getManifest(repository, digest ?? tag ?? 'latest');
  return {
    reference,
    name: nameOf(reference),
    descriptor: { mediaType: fetched.mediaType, digest: fetched.digest, size: fetched.bytes.length },
    ...inRepository(host, repository),
  };

  function inRepository(at: string, path: string): Pick<SignedImage, 'place' | 'where'> & Disposable {
    const place = registryPlace(at, path, options);
    return { place, where: 'registry', [Symbol.dispose]: () => place[Symbol.dispose]() };
  }
}

function nameOf(reference: string): string {
  return formatReference({ ...parseReference(reference), tag: undefined, digest: undefined });
}
