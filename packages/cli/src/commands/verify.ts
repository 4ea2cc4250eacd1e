import type { GoodAttestation, Signer, Verification } from '@skep/oci/signatures';
import { type Command, Option } from 'commander';
import { CliError, usageError } from '../errors.ts';
import { examples } from '../examples.ts';
import { out } from '../output/out.ts';
import { collect, settingsOf } from '../settings.ts';
import type { SignerFlags } from '../trust/signers.ts';

interface VerifyFlags extends SignerFlags {
  type?: string;
  registry?: boolean;
  output?: 'text' | 'json';
  quiet?: boolean;
  store?: boolean;
}

/** cosign's short names of predicates. */
const PREDICATES: Record<string, string> = {
  slsaprovenance1: 'https://slsa.dev/provenance/v1',
  slsaprovenance02: 'https://slsa.dev/provenance/v0.2',
  slsaprovenance: 'https://slsa.dev/provenance/v0.2',
  spdxjson: 'https://spdx.dev/Document',
  spdx: 'https://spdx.dev/Document',
  cyclonedx: 'https://cyclonedx.org/bom',
  vuln: 'https://cosign.sigstore.dev/attestation/vuln/v1',
  openvex: 'https://openvex.dev/ns',
  link: 'https://in-toto.io/Link/v1',
  custom: 'https://cosign.sigstore.dev/attestation/v1',
};

/** `skep verify` */
export function define(command: Command): void {
  const type = new Option(
    '--type <kind>',
    'no signature, but an attestation of this kind, or the URI of another',
  );
  // For help and completion: any URI will do as well.
  type.argChoices = Object.keys(PREDICATES);
  command
    .argument('[reference]', 'an image of the store; else of the registry that it names')
    .option('--key <file>', 'a public key that may have signed it; may be repeated; env://NAME', collect)
    .option('--certificate-identity <name>', 'whom a certificate must name, instead of a key')
    .option('--certificate-identity-regexp <regexp>', 'the same; all of the name must fit')
    .option('--certificate-oidc-issuer <url>', 'who must have vouched for that')
    .option('--certificate-oidc-issuer-regexp <regexp>', 'the same; all of it must fit')
    .option('--trusted-root <file>', "the authorities and logs to trust, as cosign's trusted_root.json")
    .addOption(type)
    .option('--registry', 'look in the registry, also when the store has the image')
    .addOption(new Option('-o, --output <how>', 'text, or json: one object').choices(['text', 'json']))
    .option(
      '--store',
      'no signature, but the local store: the digest of every blob, and all that every name needs',
    )
    .option('-q, --quiet', 'print only what is wrong; the exit code says it (9: not signed)')
    .action(verify);
  examples(
    command,
    'skep verify --key cosign.pub oomkill:1',
    'skep verify --key cosign.pub --registry ghcr.io/me/oomkill:1',
    'skep verify --key old.pub --key new.pub -o json ghcr.io/me/oomkill:1 | jq .digest',
    'skep verify --type slsaprovenance1 --key cosign.pub ghcr.io/me/oomkill:1',
    'skep verify --certificate-identity me@example.com --certificate-oidc-issuer https://accounts.example.com \\',
    '  --trusted-root trusted_root.json ghcr.io/me/oomkill:1',
    'skep verify --store                 exits with 7 when something is damaged',
    "skep verify --store -o json | jq '.Problems'",
  );
}

async function verify(reference: string | undefined, flags: VerifyFlags, command: Command): Promise<void> {
  if (flags.store) {
    if (reference !== undefined) throw usageError('--store is about all images', `Leave ${reference} out.`);
    const { verifyStore } = await import('./verify-store.ts');
    return verifyStore(settingsOf(command), flags);
  }
  if (reference === undefined) {
    throw usageError('nothing to verify', 'Name an image, or write skep verify --store.');
  }
  const { signersOf } = await import('../trust/signers.ts');
  const { signedImage } = await import('../trust/signed-image.ts');
  const { verifyAttestations, verifyImage } = await import('@skep/oci/signatures');
  const predicateType = flags.type === undefined ? undefined : predicateTypeOf(flags.type);
  const signers = await signersOf(flags);
  using image = await signedImage(reference, flags.registry ?? false, settingsOf(command));
  const { digest } = image.descriptor;
  const about = { reference: image.reference, digest, where: image.where };
  const found =
    predicateType === undefined
      ? signed(await verifyImage(image.place, digest, signers))
      : attested(await verifyAttestations(image.place, digest, signers, predicateType));
  if (flags.output === 'json') await out(`${JSON.stringify({ ...about, ...found.json })}\n`);
  if (found.lines.length === 0) throw unsigned(image.reference, image.where, found.refused, predicateType);
  if (flags.output === 'json' || flags.quiet) return;
  await out(`${image.reference}: digest: ${digest}\n${found.lines.join('')}`);

  function signed({ good, refused }: Verification) {
    const signatures = good.map(({ signer, format }) => ({ ...named(signer), format }));
    return {
      json: { signatures, refused },
      lines: good.map(({ signer, format }) => `signed by ${signer.name} (${format})\n`),
      refused,
    };
  }

  function attested({ good, refused }: { good: GoodAttestation[]; refused: string[] }) {
    const attestations = good.map(({ signer, predicate }) => ({
      ...named(signer),
      predicateType,
      predicate,
    }));
    return {
      json: { attestations, refused },
      lines: good.map(({ signer }) => `${predicateType} by ${signer.name}\n`),
      refused,
    };
  }
}

/** A key by its file, a certificate by what it names. */
function named(signer: Signer): { key: string } | { certificate: string } {
  return 'key' in signer ? { key: signer.name } : { certificate: signer.name };
}

function predicateTypeOf(word: string): string {
  const known = PREDICATES[word];
  if (known !== undefined) return known;
  if (URL.canParse(word)) return word;
  throw usageError(
    `--type does not know "${word}"`,
    `It takes ${Object.keys(PREDICATES).join(', ')}, or the URI of a predicate.`,
  );
}

function unsigned(
  reference: string,
  where: 'store' | 'registry',
  refused: readonly string[],
  predicateType: string | undefined,
): CliError {
  const others = [...new Set(refused)].join('; ');
  const what = predicateType === undefined ? 'signature' : `attestation ${predicateType}`;
  return new CliError(
    'SKEP_UNSIGNED',
    refused.length > 0
      ? `${reference} has no ${what} in the ${where} by anybody who was named: ${others}`
      : `${reference} has no ${what} in the ${where}`,
    where === 'store'
      ? 'Do not run it, unless you know where it comes from. --registry looks for signatures in its registry.'
      : 'Do not run it, unless you know where it comes from.',
  );
}
