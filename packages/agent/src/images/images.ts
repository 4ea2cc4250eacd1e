import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AgentError } from '../errors.ts';

/** The probes that the agent is made of, in the order of their maps' weight. */
export const IMAGES = ['http-red', 'processes'] as const;
export type ImageName = (typeof IMAGES)[number];

/** Where the objects of an architecture are, built by scripts/objects.ts; an npm package has the same folder. */
export function imagePath(name: string): string {
  return fileURLToPath(new URL(`../../build/${process.platform}-${process.arch}/${name}.o`, import.meta.url));
}

/** The object of one of the agent's probes, for this machine. @throws AgentError SKEP_AGENT_IMAGE */
export function readImage(name: ImageName): { name: string; bytes: Uint8Array } {
  const path = imagePath(name);
  if (!existsSync(path)) {
    throw new AgentError(
      'SKEP_AGENT_IMAGE',
      `the agent's probe ${name} is not here (looked for ${path})`,
      process.platform === 'linux'
        ? `There is none for ${process.arch}; in a checkout, make builds it.`
        : 'The agent runs on Linux only.',
    );
  }
  return { name: `${name}.o`, bytes: new Uint8Array(readFileSync(path)) };
}
