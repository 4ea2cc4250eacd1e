import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from './process.ts';

/** What scripts and tests keep between runs, outside of any checkout. */
export const cacheHome = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'skep');

/** Releases of Debian whose packages we take, for one architecture, beside the machine's own lists. */
export interface AptSource {
  /** Names the folder in the cache. */
  name: string;
  architecture: 'amd64' | 'arm64';
  /** A release of Debian and the part of the archive it lies in. */
  suites: readonly (readonly [suite: string, part: 'debian' | 'debian-security'])[];
}

/** Debian 12, the release we build on, for one architecture. */
export function bookworm(architecture: 'amd64' | 'arm64'): AptSource {
  const name = `bookworm-${architecture}`;
  return {
    name,
    architecture,
    suites: [
      ['bookworm', 'debian'],
      ['bookworm-security', 'debian-security'],
    ],
  };
}

/**
 * The keys that Debian signs its lists with, from the package debian-archive-keyring of Debian 12. It has those of
 * Debian 11 to 13, and sid's list is signed with the newest two: no key has to be brought from anywhere.
 */
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * The names of all packages in a source. The lists are fetched first; when that fails, those fetched earlier do.
 * apt checks their signatures against Debian's keys and refuses a list without a good one.
 */
export async function packageNames(source: AptSource, prefix: string): Promise<string[]> {
  const failure = await updateLists(source);
  const names = (await apt(source, 'apt-cache', ['pkgnames', prefix])).split('\n').filter((n) => n !== '');
  if (names.length === 0 && failure) throw failure;
  return names;
}

/** Fetches what is newer than the lists at hand; what went wrong, if something did. */
export async function updateLists(source: AptSource): Promise<unknown> {
  try {
    await apt(source, 'apt-get', ['-q', 'update']);
    return undefined;
  } catch (e) {
    return e;
  }
}

/**
 * Downloads packages and unpacks them over each other into a folder; nothing is installed. apt compares each with the
 * SHA256 in the signed list and leaves nothing behind that differs.
 */
export async function unpackPackages(source: AptSource, names: readonly string[], to: string): Promise<void> {
  const debs = `${to}.debs`;
  await mkdir(debs, { recursive: true });
  await mkdir(to, { recursive: true });
  await apt(source, 'apt-get', ['-q', 'download', ...names], debs);
  const files = (await readdir(debs)).filter((f) => f.endsWith('.deb'));
  if (files.length !== names.length) throw new Error(`apt-get download ${names.join(' ')} left ${files}`);
  for (const f of files) await run('dpkg', ['-x', join(debs, f), to]);
}

async function apt(source: AptSource, program: string, args: string[], cwd?: string): Promise<string> {
  const home = join(cacheHome, 'apt', source.name);
  const list = join(home, 'sources.list');
  for (const d of ['lists/partial', 'cache/archives/partial'])
    await mkdir(join(home, d), { recursive: true });
  await writeFile(join(home, 'status'), '');
  await writeFile(list, await sourceLines(source));
  const options = {
    'Dir::Etc::sourcelist': list,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': join(home, 'lists'),
    'Dir::State::status': join(home, 'status'),
    'Dir::Cache': join(home, 'cache'),
    'APT::Architecture': source.architecture,
    'APT::Architectures': source.architecture,
    // As root apt would step down to its own user, which may not write here.
    'APT::Sandbox::User': 'root',
    // Descriptions and pictures: megabytes that nobody here reads.
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    'Acquire::Languages': 'none',
  };
  const set = Object.entries(options).flatMap(([k, v]) => ['-o', `${k}=${v}`]);
  // One apt at a time: two test runs may want the same list.
  return run('flock', [join(home, 'lock'), program, ...set, ...args], { cwd });
}

/** The mirrors are the ones this machine's own apt uses. */
async function sourceLines(source: AptSource): Promise<string> {
  if (!existsSync(keyring)) throw new Error(`${keyring} is missing: apt-get install debian-archive-keyring`);
  const uris = (await run('apt-get', ['indextargets', '--format', '$(REPO_URI)'])).split('\n');
  return source.suites
    .map(([suite, part]) => {
      const mirror = process.env.SKEP_DEBIAN_MIRROR?.replace(/\/?$/, `/${part}/`);
      const uri = mirror ?? uris.find((u) => u.endsWith(`/${part}/`));
      if (!uri)
        throw new Error(
          `apt has no source that ends in /${part}/; set SKEP_DEBIAN_MIRROR to a mirror of Debian`,
        );
      return `deb [signed-by=${keyring}] ${uri} ${suite} main\n`;
    })
    .join('');
}
