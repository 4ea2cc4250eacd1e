import { OciError } from '../errors.ts';
import { formatReference, type Reference } from '../reference.ts';

/** The registry of a reference. @throws OciError SKEP_REFERENCE_INVALID for a local name */
export function needRegistry(reference: Reference, verb: 'push' | 'pull' | 'copy' | 'look'): string {
  if (reference.registry !== undefined) return reference.registry;
  const name = formatReference(reference);
  const hint =
    verb === 'push'
      ? `Give it a name there first: skep tag ${name} HOST/${name}.`
      : `Write HOST/${name}, for example ghcr.io/${name} or docker.io/${name}.`;
  const purpose = { push: 'push to', pull: 'pull from', copy: 'copy to', look: 'look into' }[verb];
  throw new OciError(
    'SKEP_REFERENCE_INVALID',
    `${name} is a local name: it says no registry to ${purpose}.`,
    { hint },
  );
}
