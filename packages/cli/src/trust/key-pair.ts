import { existsSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
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
  const made: string[] = [];
  const write = async (file: string, text: string, mode?: number): Promise<void> => {
    const handle = await open(file, 'wx', mode);
    made.push(file);
    try {
      await handle.writeFile(text);
    } catch (e) {
      throw Object.assign(e as Error, { path: file });
    } finally {
      await handle.close();
    }
  };
  try {
    await write(files[0], pair.privateKey, 0o600);
    await write(files[1], pair.publicKey);
  } catch (e) {
    // Half a pair is of no use to anybody, and in the way of the next.
    for (const file of made) await rm(file);
    throw e;
  }
  return files;
}
