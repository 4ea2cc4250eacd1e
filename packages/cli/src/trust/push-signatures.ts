import { parseReference, type RegistryOptions, type Store } from '@skep/oci';
import { copySignatures, registryPlace, storePlace } from '@skep/oci/signatures';

/** Sends what the store has of signatures of an image after it. @param reference has been pushed to */
export async function pushSignatures(
  store: Store,
  reference: string,
  digest: string,
  options: RegistryOptions,
): Promise<void> {
  const { registry = '', repository } = parseReference(reference);
  using place = registryPlace(registry, repository, options);
  await copySignatures(storePlace(store), place, digest);
}
