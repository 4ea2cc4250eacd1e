import { OciError, printable } from '../errors.ts';
import { formatReference, parseReference, withDefaultTag } from '../reference.ts';
import { type Descriptor, REF_NAME } from '../types.ts';

/** The name of an entry of index.json, if it has one. */
export function nameOf(entry: Descriptor): string | undefined {
  return entry.annotations?.[REF_NAME];
}

/**
 * The entries of index.json that a person means by `ref`, in this order: the very name; the name with `:latest`;
 * `name@digest`; a digest or the first 4 or more digits of one.
 *
 * @throws OciError SKEP_REFERENCE_INVALID when it is no name at all, or the digits fit several images
 */
export function findEntries(entries: readonly Descriptor[], ref: string): Descriptor[] {
  const exact = entries.filter((e) => nameOf(e) === ref);
  if (exact.length > 0) return exact;
  const hex = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(ref)?.[1];
  const parsed = ref.startsWith('sha256:') && hex !== undefined ? undefined : parseReference(ref);
  if (parsed !== undefined) {
    const full = formatReference(withDefaultTag(parsed));
    const named = entries.filter((e) => nameOf(e) !== undefined && canonical(nameOf(e) as string) === full);
    if (named.length > 0) return named;
    if (parsed.digest !== undefined) {
      const name = formatReference({ ...parsed, tag: undefined, digest: undefined });
      return entries.filter((e) => e.digest === parsed.digest && repositoryOf(nameOf(e)) === name);
    }
  }
  if (hex === undefined) return [];
  const found = entries.filter((e) => e.digest.startsWith(`sha256:${hex}`));
  if (new Set(found.map((e) => e.digest)).size > 1) {
    throw new OciError('SKEP_REFERENCE_INVALID', `"${printable(ref)}" fits several images.`, {
      hint: 'Give more digits of the digest.',
    });
  }
  return found;
}

/** Other tools write names that we would not (upper case, `1.0` alone): these stand for themselves. */
function canonical(name: string): string {
  try {
    return formatReference(withDefaultTag(parseReference(name)));
  } catch (e) {
    if (e instanceof OciError) return name;
    throw e;
  }
}

function repositoryOf(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  try {
    return formatReference({ ...parseReference(name), tag: undefined, digest: undefined });
  } catch (e) {
    if (e instanceof OciError) return undefined;
    throw e;
  }
}

/** The same, of which there must be some. @throws OciError SKEP_NOT_FOUND, SKEP_REFERENCE_INVALID */
export function needEntries(entries: readonly Descriptor[], ref: string): Descriptor[] {
  const found = findEntries(entries, ref);
  if (found.length > 0) return found;
  throw new OciError('SKEP_NOT_FOUND', `There is no image ${printable(ref)} in the store.`, {
    hint: 'skep list shows what there is; skep pull fetches one from a registry.',
  });
}
