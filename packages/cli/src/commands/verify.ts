import { type Command, Option } from 'commander';
import { CliError, usageError } from '../errors.ts';
import { examples } from '../examples.ts';
import { out } from '../output/out.ts';
import { collect, settingsOf } from '../settings.ts';

interface VerifyFlags {
  key?: string[];
  registry?: boolean;
  output?: 'text' | 'json';
  quiet?: boolean;
  store?: boolean;
}

/** `skep verify` */
export function define(command: Command): void {
  command
    .argument('[reference]', 'an image of the store; else of the registry that it names')
    .option('--key <file>', 'a public key that may have signed it; may be repeated; env://NAME', collect)
    .option('--registry', 'look in the registry, also when the store has the image')
    .addOption(new Option('-o, --output <how>', 'text, or json: one object').choices(['text', 'json']))
    .option(
      '--store',
      'no signature, but the local store: the digest of every blob, and all that every name needs',
    )
    .option('-q, --quiet', 'print nothing; the exit code says it (9: not signed)')
    .action(verify);
  examples(
    command,
    'skep verify --key cosign.pub oomkill:1',
    'skep verify --key cosign.pub --registry ghcr.io/me/oomkill:1',
    'skep verify --key old.pub --key new.pub -o json ghcr.io/me/oomkill:1 | jq .digest',
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
  if (!flags.key) throw usageError('--key is missing', 'Name the public key: --key cosign.pub.');
  const { publicKeyOf } = await import('../trust/key-files.ts');
  const { signedImage } = await import('../trust/signed-image.ts');
  const { verifyImage } = await import('@skep/oci/signatures');
  const keys = await Promise.all(flags.key.map(publicKeyOf));
  using image = await signedImage(reference, flags.registry ?? false, settingsOf(command));
  const { digest } = image.descriptor;
  const { good, refused } = await verifyImage(image.place, digest, keys);
  const signatures = good.map(({ key, format }) => ({ key: key.name, format }));
  if (flags.output === 'json') {
    const found = { reference: image.reference, digest, where: image.where, signatures, refused };
    await out(`${JSON.stringify(found)}\n`);
  }
  if (signatures.length === 0) throw unsigned(image.reference, image.where, refused);
  if (flags.output === 'json' || flags.quiet) return;
  const lines = signatures.map(({ key, format }) => `signed by ${key} (${format})\n`);
  await out(`${image.reference}: digest: ${digest}\n${lines.join('')}`);
}

function unsigned(reference: string, where: 'store' | 'registry', refused: readonly string[]): CliError {
  const others = [...new Set(refused)].join('; ');
  return new CliError(
    'SKEP_UNSIGNED',
    refused.length > 0
      ? `${reference} has no signature in the ${where} by a key that was named: ${others}`
      : `${reference} has no signature in the ${where}`,
    where === 'store'
      ? 'Do not run it, unless you know where it comes from. --registry looks for signatures in its registry.'
      : 'Do not run it, unless you know where it comes from.',
  );
}
