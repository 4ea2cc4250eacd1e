import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { objectFile, type Source } from './probe-source.ts';

/** A probe that comes with skep itself, by its plain name: what the agent is made of. Undefined for any other name. */
export async function packagedProbe(name: string): Promise<Source | undefined> {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) return undefined;
  const place = new URL(`../../agent/build/${process.platform}-${process.arch}/${name}.o`, import.meta.url);
  const path = fileURLToPath(place);
  return existsSync(path) ? objectFile(path) : undefined;
}
