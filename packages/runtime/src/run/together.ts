import type { BpfObject } from '@skep/bpf';
import type { Opened } from './open.ts';

/**
 * Programs that may be loaded as one where they are the same: each goes where its section says, and no two to one hook. What
 * the verifier walks for one of a dozen system calls it need not walk for all of them: http-red's takes it half a second.
 */
export function loadedTogether({
  object,
  targets,
}: { object: BpfObject } & Pick<Opened, 'targets'>): string[] {
  const hookOf = ({ type, target }: { type: string; target: string }) =>
    `${type} ${target.replace(':', '/')}`;
  const hooks = new Map<string, number>();
  for (const program of object.programs) hooks.set(hookOf(program), (hooks.get(hookOf(program)) ?? 0) + 1);
  return object.programs
    .filter((p) => p.target !== '' && !targets?.has(p.name) && hooks.get(hookOf(p)) === 1)
    .map((p) => p.name);
}
