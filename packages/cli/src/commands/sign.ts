import { type Command, Option } from 'commander';
import { usageError } from '../errors.ts';
import { examples } from '../examples.ts';
import { out } from '../output/out.ts';
import { settingsOf } from '../settings.ts';

interface SignFlags {
  key?: string;
  format: 'bundle' | 'tag';
  registry?: boolean;
  generateKeyPair?: boolean;
  outputKeyPrefix: string;
  quiet?: boolean;
}

/** `skep sign` */
export function define(command: Command): void {
  command
    .usage('[options] IMAGE')
    .argument('[reference]', 'an image of the store; else of the registry that it names')
    .option(
      '--key <file>',
      'the private key, as cosign writes it or PKCS#8; env://NAME: from the environment',
    )
    .addOption(
      new Option('--format <kind>', 'bundle: refers to the image; tag: the older sha256-….sig')
        .choices(['bundle', 'tag'])
        .default('bundle'),
    )
    .option('--registry', 'sign in the registry, also when the store has the image')
    .option('--generate-key-pair', 'write a new key pair: cosign.key and cosign.pub')
    .option('--output-key-prefix <path>', 'what these files are called before .key and .pub', 'cosign')
    .option('-q, --quiet', 'print nothing')
    .action(sign);
  examples(
    command,
    'skep sign --generate-key-pair                       asks for a password',
    'skep sign --key cosign.key ghcr.io/me/oomkill:1     in the store; skep push sends the signature too',
    'skep sign --key cosign.key --registry ghcr.io/me/oomkill:1',
    'COSIGN_PASSWORD=… skep sign --key env://COSIGN_PRIVATE_KEY ghcr.io/me/oomkill:1',
    'cosign verify --key cosign.pub --insecure-ignore-tlog --new-bundle-format ghcr.io/me/oomkill:1',
  );
}

async function sign(reference: string | undefined, flags: SignFlags, command: Command): Promise<void> {
  if (flags.generateKeyPair) {
    if (reference !== undefined) {
      throw usageError('--generate-key-pair signs nothing', 'Leave out the image, and sign it afterwards.');
    }
    const { writeKeyPair } = await import('../trust/key-pair.ts');
    const files = await writeKeyPair(flags.outputKeyPrefix);
    return flags.quiet ? undefined : out(files.map((file) => `${file}\n`).join(''));
  }
  if (reference === undefined) throw usageError('what shall be signed is missing', 'Name an image.');
  if (flags.key === undefined) {
    throw usageError(
      '--key is missing',
      'skep sign --generate-key-pair makes a key pair: cosign.key, cosign.pub.',
    );
  }
  const { privateKeyOf } = await import('../trust/key-files.ts');
  const { signedImage } = await import('../trust/signed-image.ts');
  const { signImage } = await import('@skep/oci/signatures');
  const key = await privateKeyOf(flags.key);
  using image = await signedImage(reference, flags.registry ?? false, settingsOf(command));
  await signImage(image.place, image.descriptor, image.name, key, flags.format);
  if (flags.quiet) return;
  await out(`${image.reference}: digest: ${image.descriptor.digest} signed in the ${image.where}\n`);
}
