import { OciError, printable } from '../errors.ts';
import { formatReference, parseReference, type Reference } from '../reference.ts';
import type { RegistryOptions } from './options.ts';
import { Registry } from './registry.ts';
import { needRegistry } from './remote.ts';
import { listTags } from './tags.ts';

/** A reference to a whole repository. @throws OciError SKEP_REFERENCE_INVALID when it has a tag or digest */
export function parseRepository(ref: string): Reference {
  const reference = parseReference(ref);
  if (reference.tag === undefined && reference.digest === undefined) return reference;
  const name = formatReference({ ...reference, tag: undefined, digest: undefined });
  if (reference.registry === undefined && /^(localhost|.*\..*):\d+$/.test(ref)) {
    throw new OciError('SKEP_REFERENCE_INVALID', `"${printable(ref)}" is a registry, not a repository.`, {
      hint: `Write ${printable(ref)}/NAME.`,
    });
  }
  throw new OciError('SKEP_REFERENCE_INVALID', `"${printable(ref)}" is one image, not a repository.`, {
    hint: `Write ${name}.`,
  });
}

/** See the exported `tags`. */
export async function tags(ref: string, opts: RegistryOptions): Promise<string[]> {
  const reference = parseRepository(ref);
  using registry = new Registry(needRegistry(reference, 'look'), opts);
  return listTags(registry, reference.repository);
}
