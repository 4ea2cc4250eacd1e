import { OciError } from './errors.ts';
import type { Descriptor, Index, Platform } from './types.ts';

const ARCHITECTURES: Record<string, string> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };

/** This machine, in the words of OCI: `{ os: 'linux', architecture: 'amd64' }`. */
export function machinePlatform(): Platform {
  return { os: process.platform, architecture: ARCHITECTURES[process.arch] ?? process.arch };
}

/**
 * The manifest of an index that fits a platform (this machine's when none is given). An index with a single
 * manifest that names no platform fits all.
 *
 * @throws OciError SKEP_PLATFORM, naming what the index has
 */
export function choosePlatform(
  index: Index,
  what: string,
  platform: Platform = machinePlatform(),
): Descriptor {
  const images = imagesOf(index);
  const fits = images.filter((m) => m.platform !== undefined && isFor(m.platform, platform));
  const found = fits[0] ?? (images.length === 1 && images[0]?.platform === undefined ? images[0] : undefined);
  if (found !== undefined) return found;
  const has = [...new Set(images.map((m) => (m.platform ? formatPlatform(m.platform) : 'unnamed')))].join(
    ', ',
  );
  throw new OciError('SKEP_PLATFORM', `${what} has nothing for ${formatPlatform(platform)}.`, {
    hint:
      has === '' ? 'The index is empty.' : `It has ${has}; build it for this machine, or name one of these.`,
  });
}

/**
 * Of an index in a store, which may hold some of its platforms only: the one that is asked for; else this machine's, if
 * it is there; else the first that is there.
 *
 * @param isHere whether a manifest was fetched
 * @throws OciError SKEP_PLATFORM, naming what the index has; SKEP_NOT_FOUND, naming the command that fetches it
 */
export function chooseFetched(
  index: Index,
  what: string,
  platform: Platform | undefined,
  isHere: (manifest: Descriptor) => boolean,
): Descriptor {
  if (platform === undefined) {
    const here = imagesOf(index).filter(isHere);
    const fits = here.filter((m) => m.platform !== undefined && isFor(m.platform, machinePlatform()));
    const found = fits[0] ?? here[0];
    return found ?? choosePlatform(index, what);
  }
  const chosen = choosePlatform(index, what, platform);
  if (isHere(chosen)) return chosen;
  throw new OciError(
    'SKEP_NOT_FOUND',
    `${what} is for ${formatPlatform(platform)} too, but that part is not here.`,
    {
      hint: `skep pull --platform ${formatPlatform(platform)} fetches it.`,
    },
  );
}

/** Without attestations, which are marked as of an unknown platform. */
export function imagesOf(index: Index): Descriptor[] {
  return index.manifests.filter((m) => m.platform === undefined || m.platform.os !== 'unknown');
}

function isFor(p: Platform, wanted: Platform): boolean {
  const [has, asked] = [normal(p), normal(wanted)];
  if (has.os !== asked.os || has.architecture !== asked.architecture) return false;
  return asked.variant === undefined || has.variant === asked.variant;
}

/** As docker compares them: uname's names of architectures are Go's, and there is one arm64. */
function normal({ os, architecture, variant }: Platform): Platform {
  const own = { x86_64: 'amd64', aarch64: 'arm64' }[architecture] ?? architecture;
  return {
    os: os.toLowerCase(),
    architecture: own,
    ...(variant !== undefined && !(own === 'arm64' && variant === 'v8') && { variant }),
  };
}

/** `linux/arm64`, `linux/arm/v7`. */
export function formatPlatform(p: Platform): string {
  return [p.os, p.architecture, p.variant].filter((s) => s !== undefined).join('/');
}

/** The inverse of {@link formatPlatform}. @throws OciError SKEP_PLATFORM */
export function parsePlatform(s: string): Platform {
  const [os, architecture, variant, more] = s.split('/');
  if (!os || !architecture || more !== undefined || variant === '') {
    throw new OciError('SKEP_PLATFORM', `"${s}" is not a platform.`, { hint: 'Write it like linux/amd64.' });
  }
  return variant === undefined ? { os, architecture } : { os, architecture, variant };
}
