import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { formatPlatform, machinePlatform } from '@skep/oci';
import type { BuildFile, BuildRecord, Predicate, SourceRevision } from '@skep/probe/attest';
import type { BuiltObjects, ObjectFlags } from './build-objects.ts';
import { usageError } from './errors.ts';
import { version } from './version.ts';

/** What `skep build` is to say of itself, and who signs it. */
export interface AttestFlags {
  provenance?: string | boolean;
  sbom?: string | boolean;
  attest?: string[];
  attestKey?: string;
}

/** What was asked for, docker's ways of saying it put together. */
interface Wanted {
  provenance?: { mode: 'min' | 'max'; builderId?: string };
  sbom: boolean;
}

/**
 * Reads `--provenance`, `--sbom` and `--attest` as docker's buildx does; undefined when there is nothing to say.
 *
 * @throws {CliError} SKEP_USAGE
 */
export function wantedAttestations(flags: AttestFlags): Wanted | undefined {
  const wanted: Wanted = { sbom: false };
  const said: [flag: string, type: string, rest: string][] = (flags.attest ?? []).map((word) => {
    const [, type = '', rest = ''] = /^type=(\w+),?(.*)$/s.exec(word) ?? [];
    return ['--attest', type, rest];
  });
  if (flags.provenance !== undefined) said.push(['--provenance', 'provenance', words(flags.provenance)]);
  if (flags.sbom !== undefined) said.push(['--sbom', 'sbom', words(flags.sbom)]);
  for (const [flag, type, rest] of said) {
    const settings = readSettings(flag, type, rest);
    if (type === 'sbom') wanted.sbom = settings !== undefined;
    else if (settings === undefined) wanted.provenance = undefined;
    else
      wanted.provenance = {
        mode: settings.mode === 'max' ? 'max' : 'min',
        builderId: settings['builder-id'],
      };
  }
  if (wanted.provenance || wanted.sbom) return wanted;
  if (flags.attestKey === undefined) return undefined;
  throw usageError('--attest-key has nothing to sign', 'Ask for --provenance or --sbom too.');
}

function words(value: string | boolean): string {
  return typeof value === 'boolean' ? String(value) : value;
}

/** `mode=max,builder-id=…`; undefined for `false`. */
function readSettings(flag: string, type: string, rest: string): Record<string, string> | undefined {
  const known: Record<string, Record<string, RegExp>> = {
    provenance: { mode: /^(min|max)$/, 'builder-id': /^[a-z][a-z0-9+.-]*:\S+$/i, disabled: /^(true|false)$/ },
    sbom: { disabled: /^(true|false)$/ },
  };
  const allowed = known[type];
  if (!allowed) throw usageError(`${flag} is for type=provenance or type=sbom`, 'Like --attest type=sbom.');
  if (rest === 'false') return undefined;
  const settings: Record<string, string> = {};
  for (const word of rest === '' || rest === 'true' ? [] : rest.split(',')) {
    const [, name = word, value = ''] = /^([^=]*)=(.*)$/s.exec(word) ?? [];
    if (!allowed[name]?.test(value)) {
      const ways = type === 'sbom' ? 'true or false' : 'true, false, mode=min, mode=max or builder-id=URI';
      throw usageError(`${flag} does not know "${word}"`, `It takes ${ways}, as in --${type}=true.`);
    }
    settings[name] = value;
  }
  return settings.disabled === 'true' ? undefined : settings;
}

/** What is said of a build, for one of its platforms or for all of them. */
export type Attest = (platform?: string) => Predicate[];

/**
 * Gathers what there is to say. Everything is read before the image is packed, so that a file which cannot be read ends the
 * build and not the image.
 *
 * @param dir the folder whose files are called by their names in it
 */
export async function attestBuild(
  wanted: Wanted,
  about: Pick<BuildRecord, 'name' | 'version' | 'licenses' | 'source'>,
  built: readonly BuiltObjects[],
  dir: string,
  flags: ObjectFlags,
  started: Date,
): Promise<Attest> {
  const { provenance, spdx } = await import('@skep/probe/attest');
  const epoch = sourceDate();
  const files = [...new Set(built.flatMap((b) => b.files))];
  const { cflags, mcpu } = flags;
  const { clang, builderImage } = built.find((b) => b.clang !== undefined) ?? {};
  const header = built.find((b) => b.skepHeader !== undefined)?.skepHeader;
  const record: BuildRecord = {
    ...about,
    platforms: await Promise.all(
      built.map(async (b) => ({
        platform: b.platform ?? formatPlatform(machinePlatform()),
        objects: b.objects.map(({ name, bytes }) => hashed(name, bytes)),
        sources: await Promise.all(b.files.map((file) => sourceFile(file, dir))),
      })),
    ),
    tools: {
      skep: version,
      // The version alone: where the compiler lies differs between machines that build the same.
      ...(clang !== undefined && { clang: clang.slice(clang.lastIndexOf(' ') + 1) }),
      ...(builderImage !== undefined && { 'build-image': builderImage }),
      ...(header !== undefined && { 'skep.h': header }),
    },
    parameters: { ...(cflags && { cflags }), ...(mcpu !== undefined && { mcpu }) },
    revision: wanted.provenance && (await revisionOf(dir, files)),
    builderId: wanted.provenance?.builderId,
    ...(epoch ? {} : { started }),
    created: epoch ?? new Date(),
  };
  return (platform) => {
    const platforms = record.platforms.filter((p) => platform === undefined || p.platform === platform);
    const one = { ...record, platforms };
    return [
      ...(wanted.provenance ? [provenance(one, wanted.provenance.mode)] : []),
      ...(wanted.sbom ? [spdx(one)] : []),
    ];
  };
}

/** What is no time is said by who packs the image. */
function sourceDate(): Date | undefined {
  const epoch = process.env.SOURCE_DATE_EPOCH ?? '';
  return /^\d{1,11}$/.test(epoch) ? new Date(Number(epoch) * 1000) : undefined;
}

async function sourceFile(file: string, dir: string): Promise<BuildFile> {
  const name = relative(resolve(dir), file);
  const inside = !name.startsWith('..') && !isAbsolute(name);
  return hashed(inside ? name : basename(file), await readFile(file));
}

function hashed(name: string, bytes: Uint8Array): BuildFile {
  const hash = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex');
  return { name, sha256: hash('sha256'), sha1: hash('sha1') };
}

/** What git says of the folder; nothing outside a repository, and where there is no git. */
async function revisionOf(dir: string, files: readonly string[]): Promise<SourceRevision | undefined> {
  const git = async (...args: string[]) => {
    // Whatever the user has configured: nothing of a repository is executed to read it.
    const safe = ['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null'];
    const { stdout } = await promisify(execFile)('git', [...safe, '-C', resolve(dir), ...args], {
      env: { ...process.env, GIT_OPTIONAL_LOCKS: '0' },
    });
    return stdout.trim();
  };
  let commit: string;
  try {
    commit = await git('rev-parse', '--verify', 'HEAD');
  } catch {
    return undefined;
  }
  const remote = await git('remote', 'get-url', 'origin').catch(() => '');
  const changed = await git(
    'status',
    '--porcelain',
    '--',
    ...files.filter((f) => f.startsWith(join(resolve(dir), '/'))),
  ).catch(() => 'unknown');
  const uri = remoteUri(remote);
  return { ...(uri !== undefined && { uri }), commit, changed: changed !== '' };
}

/** A remote as SPDX and SLSA write it, without user and password. */
function remoteUri(remote: string): string | undefined {
  const scp = /^(?:[\w.-]+@)?([\w.-]+):(?!\/\/)(.+)$/.exec(remote);
  const text = scp ? `ssh://${scp[1]}/${scp[2]}` : remote;
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (!['https:', 'http:', 'ssh:', 'git:'].includes(url.protocol)) return undefined;
  url.username = '';
  url.password = '';
  url.search = '';
  url.hash = '';
  return `git+${url.href}`;
}
