import { sha256 } from '../digest.ts';
import { OciError } from '../errors.ts';
import { parseDocument } from '../manifest.ts';
import type { RegistryOptions } from '../registry/options.ts';
import { listReferrers, putReferrer } from '../registry/referrers.ts';
import { Registry } from '../registry/registry.ts';
import { type Descriptor, MEDIA_TYPE } from '../types.ts';
import { EMPTY_TYPE, isBundleType, PREDICATE_ANNOTATION } from './bundle.ts';
import {
  type Attached,
  isUnusable,
  MAX_SIGNATURE_BYTES,
  MOST_ATTACHED,
  type SignaturePlace,
} from './place.ts';
import { signatureTag } from './simple-signing.ts';
import { SIGN_PREDICATE } from './statement.ts';

/** The signatures in a repository. Close it to let its connections go. */
export function registryPlace(
  host: string,
  repository: string,
  opts: RegistryOptions = {},
): SignaturePlace & Disposable {
  const registry = new Registry(host, opts);
  const manifestOf = async (reference: string): Promise<Attached | undefined> => {
    try {
      const { bytes, mediaType } = await registry.getManifest(repository, reference);
      const document = parseDocument(bytes, mediaType, `A signature in ${host}/${repository}`);
      return document.kind === 'manifest' ? { bytes, manifest: document.manifest } : undefined;
    } catch (e) {
      if (isUnusable(e)) return undefined;
      throw e;
    }
  };
  return {
    name: `${host}/${repository}`,
    async *attached(digest, predicateType = SIGN_PREDICATE) {
      const tag = signatureTag(digest);
      const [older, all] = await Promise.all([manifestOf(tag), listReferrers(registry, repository, digest)]);
      if (older) yield { ...older, tag };
      // A hundred attestations, or what others put there, are not to hide a signature.
      const bundles = all
        .filter((d) => mayHoldBundle(d.artifactType))
        .sort((a, b) => distance(a, predicateType) - distance(b, predicateType));
      for (const { digest } of bundles.slice(0, MOST_ATTACHED)) {
        const one = await manifestOf(digest);
        if (one) yield one;
      }
    },
    olderAttestations: (digest) => manifestOf(`${digest.replace(':', '-')}.att`),
    async readBlob(blob) {
      if (blob.size > MAX_SIGNATURE_BYTES) throw tooLarge(host, blob);
      const chunks: Uint8Array[] = [];
      let size = 0;
      // Of a size that a manifest made up, a registry knows nothing: what it has ends where it ends.
      for await (const chunk of registry.getBlob(repository, { digest: blob.digest, size: 0 })) {
        size += chunk.length;
        if (size > blob.size) break;
        chunks.push(chunk);
      }
      if (size !== blob.size) throw otherSize(host, blob);
      const bytes = Buffer.concat(chunks);
      if (sha256(bytes) === blob.digest) return bytes;
      throw new OciError('SKEP_DIGEST_MISMATCH', `${host} sent something that is not ${blob.digest}.`, {
        hint: 'Try again; if it stays so, the registry or something before it changes content: do not trust it.',
      });
    },
    async putBlob(bytes, mediaType) {
      const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length };
      await registry.putSmallBlob(repository, descriptor, bytes);
      return descriptor;
    },
    async attach(_digest, { bytes, tag }) {
      if (tag === undefined) await putReferrer(registry, repository, bytes, MEDIA_TYPE.manifest);
      else await registry.putManifest(repository, tag, bytes, MEDIA_TYPE.manifest);
    },
    [Symbol.dispose]() {
      registry.close();
    },
  };
}

/** In the list under a tag, cosign writes the type of the empty configuration instead: only the manifest says more. */
function mayHoldBundle(artifactType: string | undefined): boolean {
  return artifactType === undefined || artifactType === EMPTY_TYPE || isBundleType(artifactType);
}

/** How far a referrer is from being of a kind, by what is said of it: it says so, says nothing, or says another. */
function distance({ annotations }: Descriptor, predicateType: string): number {
  const said = annotations?.[PREDICATE_ANNOTATION];
  return said === predicateType ? 0 : said === undefined ? 1 : 2;
}

function otherSize(host: string, { digest, size }: Descriptor): OciError {
  return new OciError(
    'SKEP_MANIFEST_INVALID',
    `A signature at ${host} (${digest}) has not the ${size} bytes that its manifest says.`,
    {
      hint: 'That is no signature: remove it from the registry.',
    },
  );
}

function tooLarge(host: string, { digest, size }: Descriptor): OciError {
  return new OciError(
    'SKEP_MANIFEST_INVALID',
    `A signature at ${host} (${digest}) has ${size} bytes, more than 4 MiB.`,
    {
      hint: 'That is no signature: remove it from the registry.',
    },
  );
}
