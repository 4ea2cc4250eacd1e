import { ATTESTS, type Store, type StoredImage } from '@skep/oci';

/** Whether something may be said of an image beside it (a signature, an SBOM, …): what needs no reading to know. */
export function mayBeAttested(store: Store, { index, descriptor }: StoredImage): boolean {
  return (
    store.attached(descriptor.digest).length > 0 ||
    (index?.manifests ?? []).some((m) => m.annotations?.[ATTESTS] !== undefined)
  );
}
