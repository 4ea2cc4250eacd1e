import { readFile } from 'node:fs/promises';
import { type PrivateKey, type PublicKey, readPrivateKey, readPublicKey } from '@skep/oci/signatures';
import { usageError } from '../errors.ts';

/** Reads a public key from a file or, as `env://NAME`, from the environment. */
export async function publicKeyOf(word: string): Promise<PublicKey> {
  return readPublicKey(await textOf(word), word);
}

/** Reads a private key likewise; asks for its password when COSIGN_PASSWORD is not set. */
export async function privateKeyOf(word: string): Promise<PrivateKey> {
  return readPrivateKey(await textOf(word), word, () => password(`Password of ${word}`));
}

/** COSIGN_PASSWORD, as for cosign, or what is typed. Empty is a password too. */
export async function password(question: string): Promise<string> {
  const set = process.env.COSIGN_PASSWORD;
  if (set !== undefined) return set;
  if (!process.stdin.isTTY) {
    throw usageError(
      "the key's password is missing, and this is not a terminal to ask at",
      'Set COSIGN_PASSWORD.',
    );
  }
  const { askHidden } = await import('../prompts.ts');
  return askHidden(question);
}

async function textOf(word: string): Promise<string> {
  if (!word.startsWith('env://')) {
    return readFile(word, 'utf8').catch((e: Error) => {
      throw Object.assign(e, { path: word });
    });
  }
  const name = word.slice('env://'.length);
  const text = process.env[name];
  if (text) return text;
  throw usageError(`the variable ${name} is not set`, 'It must hold the key, in PEM.');
}
