import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { generateKeyPair } from '@skep/oci/signatures';
import { usageError } from '../errors.ts';
import { password } from './key-files.ts';

/** Writes PREFIX.key (only its owner reads it) and PREFIX.pub. Never over a file. @returns both names */
export async function writeKeyPair(prefix: string): Promise<[string, string]> {
  const files: [string, string] = [`${prefix}.key`, `${prefix}.pub`];
  const there = files.find((file) => existsSync(file));
  if (there !== undefined) {
    throw usageError(`${there} is there already`, 'Remove it, or name others with --output-key-prefix.');
  }
  const secret = await password('Password for the new key');
  if (process.env.COSIGN_PASSWORD === undefined && secret !== (await password('Once more')))
    throw usageError('the two passwords differ', 'Try again.');
  const pair = await generateKeyPair(secret);
  await writeFile(files[0], pair.privateKey, { mode: 0o600, flag: 'wx' });
  await writeFile(files[1], pair.publicKey, { flag: 'wx' });
  return files;
}
