import { OciError } from '../errors.ts';
import { parseDocument } from '../manifest.ts';
import type { Store } from '../store/store.ts';
import { ATTESTS, type Descriptor, type StoredImage } from '../types.ts';
import { readBundle } from './bundle.ts';
import { readStatement, SIGN_PREDICATE, STATEMENT_TYPE } from './statement.ts';
import { storePlace } from './store-place.ts';

/** What is said of an image beside it: how it was built, what it consists of. Said, and not checked. */
export interface Attestation {
  /** A URI: `https://slsa.dev/provenance/v1`, `https://spdx.dev/Document`, … */
  predicateType: string;
  predicate: unknown;
  /** The manifests that it speaks of. */
  subjects: string[];
  /** Whether it has a signature, whoever's: `verifyAttestations` says whose. One in the index has that of the index. */
  signed: boolean;
}

/**
 * The attestations that the store has of an image: those in its index, as docker's buildx puts them there, and signed ones
 * that refer to it, as cosign's. One that cannot be read is left out.
 */
export async function readAttestations(store: Store, image: StoredImage): Promise<Attestation[]> {
  const inIndex = (image.index?.manifests ?? []).filter((m) => m.annotations?.[ATTESTS] !== undefined);
  const found: Attestation[] = [];
  for (const entry of inIndex) {
    if (await store.hasBlob(entry.digest)) found.push(...(await inManifest(store, entry)));
  }
  const place = storePlace(store);
  for (const { manifest, tag } of await place.attached(image.descriptor.digest)) {
    if (tag !== undefined) continue;
    for (const layer of manifest.layers) {
      const bundle = readBundle(await place.readBlob(layer));
      const statement = bundle && statementIn(bundle.envelope.payload, true);
      if (statement && statement.predicateType !== SIGN_PREDICATE) found.push(statement);
    }
  }
  return found;
}

// https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
async function inManifest(store: Store, entry: Descriptor): Promise<Attestation[]> {
  const found: Attestation[] = [];
  try {
    const document = parseDocument(await store.readBlob(entry.digest), entry.mediaType, 'An attestation');
    if (document.kind !== 'manifest') return [];
    for (const layer of document.manifest.layers) {
      if (layer.mediaType !== STATEMENT_TYPE) continue;
      const statement = statementIn(await store.readBlob(layer.digest), false);
      if (statement) found.push(statement);
    }
  } catch (e) {
    if (!(e instanceof OciError)) throw e; // verify --store says what is damaged
  }
  return found;
}

function statementIn(bytes: Uint8Array, signed: boolean): Attestation | undefined {
  const statement = readStatement(bytes);
  if (!statement) return undefined;
  const { predicateType, predicate, digests } = statement;
  return { predicateType, predicate, subjects: digests, signed };
}
