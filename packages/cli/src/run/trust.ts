import { statSync } from 'node:fs';
import { BUILT } from '@skep/oci';
import { note } from '../output/out.ts';
import type { SourceCheck } from '../probe-source.ts';
import type { Settings } from '../settings.ts';
import type { RunFlags } from './flags.ts';

const POLICY_FILE = '/etc/skep/policy.yaml';

/** What a probe must pass before it is loaded: the policy of this machine. Without one, a warning for what comes from elsewhere. */
export async function trustCheck(
  program: string,
  flags: Pick<RunFlags, 'pull'>,
  settings: Settings,
): Promise<SourceCheck> {
  const unasked = (image: string) =>
    note(`${image} was not built here, and the policy of this machine does not say who must have signed it`);
  return (await policyFor(program, flags.pull === 'never' ? undefined : settings, unasked)) ?? warn;
}

/**
 * Holds a probe against the policy of this machine; undefined where there is none.
 *
 * @param program as it was named
 * @param fetchWith to fetch signatures that the store lacks from the image's registry; without, they are not fetched
 * @param unasked is told of an image from elsewhere that the policy asks nothing of
 */
export async function policyFor(
  program: string,
  fetchWith?: Settings,
  unasked?: (image: string) => void,
): Promise<SourceCheck | undefined> {
  const named = process.env.SKEP_POLICY || undefined;
  if (named === undefined && !isThere(POLICY_FILE)) return undefined;
  const { policyCheck } = await import('../trust/index.ts');
  return policyCheck(named ?? POLICY_FILE, program, fetchWith, unasked);
}

/** One that this user may not look at is there, as far as anybody can tell: it is not to be gone past. */
function isThere(file: string): boolean {
  try {
    statSync(file);
    return true;
  } catch (e) {
    if (['ENOENT', 'ENOTDIR'].includes((e as NodeJS.ErrnoException).code ?? '')) return false;
    throw e;
  }
}

async function warn({ image, stored }: Parameters<SourceCheck>[0]): Promise<void> {
  // Whether the mark is genuine is for a policy to ask.
  if (stored === undefined || stored.descriptor.annotations?.[BUILT] !== undefined) return;
  note(`${image.name} was not built here, and no policy (${POLICY_FILE}) says who must have signed it`);
}
