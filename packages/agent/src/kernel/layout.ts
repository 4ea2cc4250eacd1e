import type { Member, RawMap } from '@skep/runtime';
import { AgentError } from '../errors.ts';

/**
 * Where these members lie in a struct, bytes. They come from the object's BTF, so that a probe may move or add members.
 *
 * @throws AgentError SKEP_AGENT_KERNEL for one that is not there
 */
export function offsets<Name extends string>(
  members: ReadonlyMap<string, Member>,
  struct: string,
  names: readonly Name[],
): Record<Name, number> {
  const found = {} as Record<Name, number>;
  for (const name of names) {
    const member = members.get(name);
    if (!member)
      throw new AgentError(
        'SKEP_AGENT_KERNEL',
        `struct ${struct} of the agent's probe has no member "${name}"`,
        'The probe and the agent are of different versions: install skep anew.',
      );
    found[name] = member.offset;
  }
  return found;
}

/** The members of a map's key, as {@link offsets}. */
export function keyOffsets<Name extends string>(
  raw: RawMap,
  struct: string,
  names: readonly Name[],
): Record<Name, number> {
  return offsets(raw.key, struct, names);
}
