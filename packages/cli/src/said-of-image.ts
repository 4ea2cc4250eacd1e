import type { Store, StoredImage } from '@skep/oci';
import type { Attestation } from '@skep/oci/signatures';
import type { Data } from './output/template.ts';

/** What people call a predicate, and the name that docker's templates have for it. */
const KINDS: [pattern: RegExp, kind: string, words: string][] = [
  [/^https:\/\/slsa\.dev\/provenance\//, 'provenance', 'provenance (SLSA)'],
  [/^https:\/\/spdx\.dev\/Document/, 'sbom', 'SBOM (SPDX)'],
  [/^https:\/\/cyclonedx\.org\/bom/, 'sbom', 'SBOM (CycloneDX)'],
];

/** See {@link saidOfImage}. */
export interface Said {
  Attestations: Data[];
  Provenance: Data;
  SBOM: Data;
}

/**
 * What is said of an image: of its index or of the manifest that is shown, not of other platforms'.
 *
 * `Attestations` is the list; `Provenance.SLSA` and `SBOM.SPDX` are the documents, as in docker's templates.
 */
export async function saidOfImage(store: Store, image: StoredImage): Promise<Said> {
  const { readAttestations } = await import('@skep/oci/signatures');
  const shown = [image.descriptor.digest, image.manifestDescriptor.digest];
  const found = (await readAttestations(store, image)).filter((a) =>
    a.subjects.some((digest) => shown.includes(digest)),
  );
  const document = (kind: string, words: string) =>
    found.find((a) => kindOf(a)?.[1] === kind && kindOf(a)?.[2] === words)?.predicate as Data;
  const slsa = document('provenance', 'provenance (SLSA)');
  const spdx = document('sbom', 'SBOM (SPDX)');
  return {
    Attestations: found.map((a) => ({
      Kind: kindOf(a)?.[1] ?? '',
      PredicateType: a.predicateType,
      Signed: a.signed,
    })),
    Provenance: slsa === undefined ? {} : { SLSA: slsa },
    SBOM: spdx === undefined ? {} : { SPDX: spdx },
  };
}

/** `provenance (SLSA), SBOM (SPDX), signed`; nothing when nothing is said. */
export async function saidText(store: Store, image: StoredImage): Promise<string> {
  const { readAttestations } = await import('@skep/oci/signatures');
  const found = await readAttestations(store, image);
  const words = [...new Set(found.map((a) => kindOf(a)?.[2] ?? a.predicateType))];
  if (words.length === 0) return '';
  return [...words, ...(found.every((a) => a.signed) ? ['signed'] : [])].join(', ');
}

function kindOf({ predicateType }: Attestation) {
  return KINDS.find(([pattern]) => pattern.test(predicateType));
}
