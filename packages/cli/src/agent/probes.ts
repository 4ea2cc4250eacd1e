import { IMAGES, readImage } from '@skep/agent';
import { policyFor } from '../run/trust.ts';

/**
 * What the agent is made of, as it will be loaded. The policy of this machine is asked for each probe by its name: they are
 * part of skep, so no signature of theirs is, but whatever else a rule says holds.
 *
 * @throws ProbeError SKEP_POLICY for the first that is refused; AgentError SKEP_AGENT_IMAGE
 */
export async function allowedProbes(): Promise<{ name: string; bytes: Uint8Array }[]> {
  const probes = IMAGES.map((name) => ({ name, object: readImage(name) }));
  for (const { name, object } of probes) {
    const check = await policyFor(name);
    await check?.({ image: { name, objects: [object] } });
  }
  return probes.map(({ object }) => object);
}
