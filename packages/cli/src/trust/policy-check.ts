import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isBuiltHere, parseReference, type Store, type StoredImage, sha256 } from '@skep/oci';
import {
  copySignatures,
  readPublicKey,
  registryPlace,
  type Signer,
  storePlace,
  verifyImage,
} from '@skep/oci/signatures';
import {
  type CertifiedName,
  checkCode,
  type Policy,
  parsePolicy,
  patternOf,
  refused,
  ruleFor,
  signersFor,
  unreadable,
} from '@skep/probe/policy';
import { CliError, explain } from '../errors.ts';
import type { SourceCheck } from '../probe-source.ts';
import type { Settings } from '../settings.ts';
import { registryOptions } from '../transfer.ts';

/**
 * Reads the policy and all keys that it names, and returns what holds a probe against it.
 *
 * @param program as it was named; a file is matched by this
 * @param fetchWith to fetch signatures that the store lacks from the image's registry; without, they are not fetched
 * @param unasked is told of an image from elsewhere, of which the policy says neither who must have signed it nor its digest
 */
export async function policyCheck(
  file: string,
  program: string,
  fetchWith: Settings | undefined,
  unasked: (image: string) => void = () => undefined,
): Promise<SourceCheck> {
  const policy = parsePolicy(await readText(file), file);
  const known = new Map<string, Signer>();
  for (const [name, said] of policy.signers) {
    try {
      known.set(name, await signerOf(name, said, dirname(resolve(file))));
    } catch (e) {
      const { message, hint } = explain(e);
      throw unreadable(file, policy.signerLines.get(name) ?? 1, `the signer ${name}: ${message}`, {
        hint,
        cause: e,
      });
    }
  }
  return async ({ image, stored }, store) => {
    const name = stored?.reference ?? program;
    const rule = ruleFor(policy, name);
    if (rule?.refuse) throw refused(policy, rule, { name }, 'it may not run here');
    if (rule?.digests) {
      const allowed = (digest: string) => rule.digests?.includes(digest) ?? false;
      // A file, and what is built into skep, is no image: there the digests of its objects count.
      const fits = stored
        ? [stored.descriptor.digest, stored.manifestDescriptor.digest].some(allowed)
        : image.objects.every(({ bytes }) => allowed(sha256(bytes)));
      if (!fits) throw refused(policy, rule, { name }, 'its digest is not among those that are allowed');
    }
    const signers = signersFor(policy, rule);
    if (stored && store && !isBuiltHere(stored.descriptor)) {
      const allowed = signers?.map((name) => known.get(name) as Signer);
      if (allowed) await needSignature(policy, stored, store, allowed, fetchWith);
      else if (!rule?.digests) unasked(name);
    }
    if (rule) checkCode(policy, rule, { ...image, name });
  };
}

async function needSignature(
  policy: Policy,
  stored: StoredImage,
  store: Store,
  signers: readonly Signer[],
  fetchWith: Settings | undefined,
): Promise<void> {
  const digests = [...new Set([stored.descriptor.digest, stored.manifestDescriptor.digest])];
  const isSigned = async () => {
    for (const digest of digests)
      if ((await verifyImage(storePlace(store), digest, signers)).good.length > 0) return true;
    return false;
  };
  if (await isSigned()) return;
  const { registry, repository } = parseReference(stored.reference);
  let trouble = '';
  if (registry !== undefined && fetchWith) {
    try {
      using place = registryPlace(registry, repository, registryOptions(fetchWith));
      for (const digest of digests) await copySignatures(place, storePlace(store), digest);
    } catch (e) {
      trouble = ` Its registry could not be asked: ${explain(e).message}.`;
    }
    if (await isSigned()) return;
  }
  const wanted = signers.map((s) => s.name).join(' or ');
  throw new CliError(
    'SKEP_UNSIGNED',
    `${stored.reference} was not built here and is not signed by ${wanted}, as ${policy.file} asks.${trouble}`,
    `Let ${wanted} sign it (skep sign --key), or build it here from its sources.`,
  );
}

async function signerOf(name: string, said: string | CertifiedName, folder: string): Promise<Signer> {
  if (typeof said === 'string') {
    const key = said.includes('-----BEGIN') ? said : await readText(resolve(folder, said));
    return readPublicKey(key, name);
  }
  const { certified } = await import('./signers.ts');
  const signer = await certified(resolve(folder, said.trustedRoot), {
    identity: patternOf(said.identity),
    issuer: patternOf(said.issuer),
  });
  return { ...signer, name };
}

function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((e: Error) => {
    throw Object.assign(e, { path });
  });
}
