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
  const images = index.manifests.filter((m) => m.platform === undefined || m.platform.os !== 'unknown');
  const fits = images.filter((m) => {
    const p = m.platform;
    if (p === undefined || p.os.toLowerCase() !== platform.os || p.architecture !== platform.architecture)
      return false;
    return platform.variant === undefined || p.variant === platform.variant;
  });
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
