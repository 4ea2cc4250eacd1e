import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { type TrustMaterial, toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { OciError } from '../errors.ts';
import { isObject } from '../manifest.ts';
import type { CertifiedSigner } from './bundle.ts';
import { readJson } from './statement.ts';

/** Whom a certificate must name. A text is compared as a whole; of an expression, all of the text must fit. */
export interface CertificateIdentity {
  /** The subject alternative name: `me@example.com`, or the address of a workflow. */
  identity: string | RegExp;
  /** Who vouched for it: `https://token.actions.githubusercontent.com`. */
  issuer: string | RegExp;
}

/**
 * Somebody who signs with a certificate under a root of trust. A bundle counts when its certificate leads to one of the root's
 * authorities, was valid when a transparency log of the root (or a time-stamping authority of the root) saw the signature, is
 * in one of the root's certificate logs, and names the wanted identity and issuer. Nothing is asked over the network.
 *
 * @param root a trusted root in JSON: what `cosign trusted-root create` writes, and Sigstore's TUF repository hands out
 * @param file how messages call the root
 * @throws OciError SKEP_KEY when the root cannot be read
 */
export function keylessSigner(root: Uint8Array, file: string, wanted: CertificateIdentity): CertifiedSigner {
  const material = readRoot(root, file);
  return {
    name: `${shown(wanted.identity)} (${shown(wanted.issuer)})`,
    async refuse(json) {
      try {
        const entity = toSignedEntity(bundleFromJSON(json));
        const verifier = new Verifier(material, {
          tlogThreshold: 1,
          ctlogThreshold: 1,
          timestampThreshold: 1,
        });
        const { identity } = verifier.verify(entity);
        const name = identity?.subjectAlternativeName;
        const issuer = identity?.extensions?.issuer;
        if (fits(wanted.identity, name) && fits(wanted.issuer, issuer)) return undefined;
        return `its certificate is for ${name ?? 'nobody'} (${issuer ?? 'no issuer'})`;
      } catch (e) {
        return `its certificate does not hold under ${file}: ${e instanceof Error ? e.message : String(e)}`;
      }
    },
  };
}

function fits(wanted: string | RegExp, found: string | undefined): boolean {
  if (found === undefined) return false;
  if (typeof wanted === 'string') return found === wanted;
  return new RegExp(`^(?:${wanted.source})$`, wanted.flags).test(found);
}

function shown(wanted: string | RegExp): string {
  return typeof wanted === 'string' ? wanted : `/${wanted.source}/`;
}

function readRoot(bytes: Uint8Array, file: string): TrustMaterial {
  const json = readJson(bytes);
  if (isObject(json) && String(json.mediaType).startsWith('application/vnd.dev.sigstore.trustedroot')) {
    try {
      return toTrustMaterial(TrustedRoot.fromJSON(json));
    } catch (cause) {
      throw damaged(file, cause);
    }
  }
  throw damaged(file);
}

function damaged(file: string, cause?: unknown): OciError {
  return new OciError('SKEP_KEY', `${file} is no root of trust as Sigstore writes it.`, {
    hint: "cosign trusted-root create makes one; the public one is trusted_root.json in Sigstore's TUF repository.",
    cause,
  });
}
