import { CliError } from '../errors.ts';
import { note } from '../output/out.ts';
import { packagedProbe } from '../packaged.ts';
import {
  isFile,
  looksLikePath,
  objectFile,
  type Source,
  type SourceCheck,
  storedImage,
} from '../probe-source.ts';
import { pullImage } from '../pull-image.ts';
import type { Settings } from '../settings.ts';
import type { RunFlags } from './flags.ts';

/** Gets what is to be run: a C file is compiled, an object read, an image pulled when it is absent. */
export async function runSource(
  program: string,
  flags: Pick<RunFlags, 'pull' | 'platform'>,
  settings: Settings,
  check?: SourceCheck,
): Promise<Source> {
  if ((await isFile(program)) || looksLikePath(program)) {
    const source = await (program.endsWith('.c') ? compiled(program) : objectFile(program));
    await check?.(source);
    return source;
  }
  return image(program, flags, settings, check);
}

async function compiled(source: string): Promise<Source> {
  const { compileFile } = await import('../compile.ts');
  const { name, object } = await compileFile(source, {});
  return { image: { name, objects: [{ name: `${name}.o`, bytes: object }] } };
}

async function image(
  reference: string,
  { pull: when, platform }: Pick<RunFlags, 'pull' | 'platform'>,
  settings: Settings,
  check?: SourceCheck,
): Promise<Source> {
  let found =
    when === 'always'
      ? undefined
      : ((await storedPart(reference, settings, check, platform)) ?? (await packaged(reference, check)));
  if (!found && when !== 'never') {
    await pullImage(reference, settings, platform);
    found = await storedImage(reference, settings, check, platform);
  }
  if (found) {
    for (const text of found.image.notes ?? []) note(`${reference}: ${text}`);
    return found;
  }
  throw new CliError(
    'SKEP_NOT_FOUND',
    `no image "${reference}" in the local store, and --pull never`,
    `skep pull ${reference} fetches it, skep list shows what is there.`,
  );
}

/**
 * Undefined also for an image of which the part for this machine, or the one asked for, is still in its registry. Of one
 * that is for other machines only, some part: its parameters can be told, and what runs it refuses it.
 */
async function storedPart(
  reference: string,
  settings: Settings,
  check: SourceCheck | undefined,
  platform: string | undefined,
): Promise<Source | undefined> {
  const { formatPlatform, isLocal, machinePlatform, OciError, parseReference } = await import('@skep/oci');
  try {
    return await storedImage(reference, settings, check, platform ?? formatPlatform(machinePlatform()));
  } catch (e) {
    if (!(e instanceof OciError)) throw e;
    if (e.code === 'SKEP_PLATFORM' && platform === undefined) return storedImage(reference, settings, check);
    if (e.code === 'SKEP_NOT_FOUND' && !isLocal(parseReference(reference))) return undefined;
    throw e;
  }
}

/** A probe of skep's own package: of this machine like skep itself, so that only rules on names and code hold. */
async function packaged(reference: string, check?: SourceCheck): Promise<Source | undefined> {
  const found = await packagedProbe(reference);
  if (found) await check?.(found);
  return found;
}
