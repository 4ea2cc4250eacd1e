import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { builderDir } from '../headers.ts';
import { engineError, runEngine } from './engine.ts';
import type { Builder } from './types.ts';

/** An image that is there. */
export interface BuilderImage {
  /** To run it by. */
  name: string;
  /** What it is: its digest in a registry where it has one, else its id. */
  identity: string;
}

/**
 * The image to compile in: the one that is named, pulled when it is not there, or the one of our Containerfile, made when it
 * is not there.
 *
 * @throws {ProbeError} `SKEP_BUILDER`
 */
export async function builderImage(builder: Builder): Promise<BuilderImage> {
  const name = builder.image ?? (await ownName());
  const there = await inspect(builder, name);
  if (there) return there;
  const problem = builder.image === undefined ? await make(builder, name) : await pull(builder, name);
  const made = problem ? undefined : await inspect(builder, name);
  if (made) return made;
  throw problem ?? engineError(`${builder.program} has no image ${name} after getting it.`, 'Try again.', '');
}

/** `localhost/…`, which no registry is asked for. Its tag is the Containerfile's hash, so no version of skep takes another's. */
async function ownName(): Promise<string> {
  const file = await readFile(join(builderDir(), 'Containerfile'));
  return `localhost/skep-builder:${createHash('sha256').update(file).digest('hex').slice(0, 12)}`;
}

async function make(builder: Builder, name: string): Promise<Error | undefined> {
  const { program, progress } = builder;
  const dir = builderDir();
  const args = ['build', '-t', name, '-f', join(dir, 'Containerfile'), dir];
  const { status, stderr } = await runEngine(builder, args, progress);
  if (status === 0) return undefined;
  return engineError(
    `${program} could not make the image of the compiler.`,
    `It needs docker.io and snapshot.debian.org. With others: ${program} build -t NAME --build-arg BASE=… --build-arg MIRROR=… ${dir}, then --build-image NAME.`,
    progress ? '' : stderr,
  );
}

async function pull(builder: Builder, name: string): Promise<Error | undefined> {
  const { program, progress } = builder;
  const { status, stderr } = await runEngine(builder, ['pull', name], progress);
  if (status === 0) return undefined;
  return engineError(
    `${program} could not pull ${name}.`,
    `Check its name; where it needs a login: ${program} login.`,
    progress ? '' : stderr,
  );
}

async function inspect(builder: Builder, name: string): Promise<BuilderImage | undefined> {
  const { status, stdout } = await runEngine(builder, ['image', 'inspect', name]);
  if (status !== 0) return undefined;
  const [{ Id: id, RepoDigests: digests }] = JSON.parse(stdout) as [{ Id: string; RepoDigests?: string[] }];
  // podman makes up a digest for what was never in a registry.
  const pulled = digests?.find((d) => !d.startsWith('localhost/'));
  return { name, identity: pulled ?? (id.startsWith('sha256:') ? id : `sha256:${id}`) };
}
