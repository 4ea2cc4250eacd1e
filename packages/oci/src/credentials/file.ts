import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { errno, OciError } from '../errors.ts';
import { isObject } from '../manifest.ts';
import { isHub } from '../registry/host.ts';
import type { RegistryOptions } from '../registry/options.ts';
import type { Credentials } from './find.ts';

// docker: https://docs.docker.com/reference/cli/docker/login/#credential-stores
// podman: https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md
/** The name under which docker keeps the login of Docker Hub. */
export const HUB_KEY = 'https://index.docker.io/v1/';

/** A parsed config.json or auth.json; fields that we do not know stay in it. */
export interface AuthFile {
  path: string;
  json: Record<string, unknown>;
}

/** docker's own file: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`. */
export function dockerConfigFile(env: NodeJS.ProcessEnv): string {
  return join(env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker'), 'config.json');
}

/** The files to look into, in order. */
export function authFiles(opts: RegistryOptions): string[] {
  if (opts.authFiles !== undefined && opts.authFiles.length > 0) return opts.authFiles;
  const env = opts.env ?? process.env;
  const home = env.HOME || homedir();
  const files = [dockerConfigFile(env)];
  if (env.REGISTRY_AUTH_FILE) files.unshift(env.REGISTRY_AUTH_FILE);
  if (env.XDG_RUNTIME_DIR) files.push(join(env.XDG_RUNTIME_DIR, 'containers', 'auth.json'));
  files.push(join(env.XDG_CONFIG_HOME || join(home, '.config'), 'containers', 'auth.json'));
  return files;
}

/** @returns undefined when there is no such file. @throws OciError SKEP_AUTH_FILE */
export function readAuthFile(path: string): AuthFile | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (e) {
    // Another user's home under sudo without rights is as good as no file; a file that was there and cannot be read is not.
    if (errno(e) === 'ENOENT' || errno(e) === 'ENOTDIR') return undefined;
    throw fileError(path, `cannot be read (${errno(e)})`, 'Check its permissions.', e);
  }
  if (text.trim() === '') return { path, json: {} };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (e) {
    // The parser's message would quote the file, secrets included.
    throw fileError(path, 'is not JSON', 'Mend it, or move it away and log in again: skep login.', errno(e));
  }
  if (!isObject(json))
    throw fileError(path, 'is not a JSON object', 'Mend it, or move it away and log in again.');
  return { path, json };
}

/** The name of the helper program (`docker-credential-NAME`) that keeps the login of a host. */
export function helperFor({ json }: AuthFile, host: string): string | undefined {
  const helpers = isObject(json.credHelpers) ? json.credHelpers : {};
  for (const key of keysOf(host)) {
    const name = Object.hasOwn(helpers, key) ? helpers[key] : undefined;
    if (typeof name === 'string' && name !== '') return name;
  }
  return typeof json.credsStore === 'string' && json.credsStore !== '' ? json.credsStore : undefined;
}

/** The entries of `auths` about a host; an entry without credentials says only that somebody logged in by a helper. */
export function entriesFor(
  { json, path }: AuthFile,
  host: string,
): { key: string; credentials?: Credentials }[] {
  const auths = isObject(json.auths) ? json.auths : {};
  const wanted = new Set(keysOf(host));
  return Object.keys(auths)
    .filter((key) => wanted.has(key) || wanted.has(hostOf(key)))
    .map((key) => ({ key, credentials: decode(auths[key], key, path) }));
}

/**
 * The credentials for a repository of a host: podman may keep some for a part of a registry, `quay.io/org`. The longest name that
 * fits counts.
 */
export function credentialsFor(file: AuthFile, host: string, repository: string): Credentials | undefined {
  const auths = isObject(file.json.auths) ? file.json.auths : {};
  for (let part = repository; part !== ''; part = part.slice(0, Math.max(0, part.lastIndexOf('/')))) {
    const key = `${host}/${part}`;
    const found = Object.hasOwn(auths, key) ? decode(auths[key], key, file.path) : undefined;
    if (found !== undefined) return found;
  }
  return entriesFor(file, host).find(({ credentials }) => credentials !== undefined)?.credentials;
}

/** What a host may be called in these files. */
export function keysOf(host: string): string[] {
  if (!isHub(host)) return [host, `https://${host}`, `http://${host}`];
  return [HUB_KEY, 'docker.io', 'index.docker.io', 'registry-1.docker.io', 'https://index.docker.io'];
}

function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/(?:v1|v2)?\/?$/, '');
}

function decode(entry: unknown, key: string, path: string): Credentials | undefined {
  if (!isObject(entry)) return undefined;
  const text = (name: string) => {
    const value = entry[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const auth = text('auth');
  const identityToken = text('identitytoken');
  const registryToken = text('registrytoken');
  const found: Credentials = { username: text('username'), password: text('password') };
  if (auth !== undefined) {
    const pair = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = pair.indexOf(':');
    if (colon < 1)
      throw fileError(path, `holds a broken login for ${key}`, `Log in again: skep login ${key}.`);
    found.username = pair.slice(0, colon);
    found.password = pair.slice(colon + 1);
  }
  if (registryToken !== undefined) return { registryToken };
  if (identityToken !== undefined) return { username: found.username, identityToken };
  return found.username !== undefined && found.password !== undefined ? found : undefined;
}

export function fileError(path: string, why: string, hint: string, cause?: unknown): OciError {
  return new OciError('SKEP_AUTH_FILE', `The file with logins ${path} ${why}.`, { hint, cause });
}
