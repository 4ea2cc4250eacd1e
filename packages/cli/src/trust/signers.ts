import { readFile } from 'node:fs/promises';
import type { Signer } from '@skep/oci/signatures';
import { usageError } from '../errors.ts';
import { publicKeyOf } from './key-files.ts';

/** Who may have signed, as the flags of `skep verify` say it: cosign's. */
export interface SignerFlags {
  key?: string[];
  certificateIdentity?: string;
  certificateIdentityRegexp?: string;
  certificateOidcIssuer?: string;
  certificateOidcIssuerRegexp?: string;
  trustedRoot?: string;
}

/** The keys, and whom a certificate must name. @throws CliError SKEP_USAGE, OciError SKEP_KEY */
export async function signersOf(flags: SignerFlags): Promise<Signer[]> {
  const signers: Signer[] = await Promise.all((flags.key ?? []).map(publicKeyOf));
  const identity = wanted('identity', flags.certificateIdentity, flags.certificateIdentityRegexp);
  const issuer = wanted('oidc-issuer', flags.certificateOidcIssuer, flags.certificateOidcIssuerRegexp);
  const { trustedRoot } = flags;
  if (identity === undefined && issuer === undefined && trustedRoot === undefined) {
    if (signers.length > 0) return signers;
    throw usageError(
      '--key is missing',
      'Name the public key (--key cosign.pub), or --certificate-identity, --certificate-oidc-issuer and --trusted-root.',
    );
  }
  if (identity === undefined || issuer === undefined) {
    throw usageError(
      'a certificate is checked for whom it names and for who says so',
      'Give both --certificate-identity and --certificate-oidc-issuer, or their -regexp forms.',
    );
  }
  if (trustedRoot === undefined) {
    throw usageError(
      '--trusted-root is missing: nothing is fetched to check a certificate against',
      'Name the file: cosign trusted-root create makes one.',
    );
  }
  return [...signers, await certified(trustedRoot, { identity, issuer })];
}

/** Somebody with certificates under the root of trust in a file. */
export async function certified(
  root: string,
  names: { identity: string | RegExp; issuer: string | RegExp },
): Promise<Signer> {
  const { keylessSigner } = await import('@skep/oci/keyless');
  const bytes = await readFile(root).catch((e: Error) => {
    throw Object.assign(e, { path: root });
  });
  return keylessSigner(bytes, root, names);
}

function wanted(
  flag: string,
  text: string | undefined,
  expression: string | undefined,
): string | RegExp | undefined {
  if (expression === undefined) return text;
  const name = `--certificate-${flag}`;
  if (text !== undefined) throw usageError(`${name} and ${name}-regexp exclude each other`, 'Give one.');
  try {
    return new RegExp(expression);
  } catch (e) {
    const why = e instanceof Error ? e.message : String(e);
    throw usageError(`${name}-regexp is no regular expression: ${why}`, 'All of the text must fit it.');
  }
}
