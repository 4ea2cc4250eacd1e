import {
  chownSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { randomId } from '../digest.ts';
import { errno, OciError } from '../errors.ts';
import { isObject } from '../manifest.ts';
import { parseRegistry } from '../reference.ts';
import { isHub } from '../registry/host.ts';
import type { RegistryOptions } from '../registry/options.ts';
import { Registry } from '../registry/registry.ts';
import {
  type AuthFile,
  authFiles,
  dockerConfigFile,
  entriesFor,
  fileError,
  HUB_KEY,
  helperFor,
  readAuthFile,
} from './file.ts';
import { eraseByHelper, storeByHelper } from './helper.ts';

/** See the exported `login`. */
export async function login(
  server: string,
  credentials: { username: string; password: string },
  opts: RegistryOptions = {},
): Promise<{ storedIn: string }> {
  const { username, password } = credentials;
  const host = parseRegistry(server);
  if (username === '' || username.includes(':')) {
    throw new OciError('SKEP_UNAUTHORIZED', 'A user name is needed, and it cannot hold a colon.', {
      hint: 'Give it with --username.',
    });
  }
  using registry = new Registry(host, { ...opts, username, password });
  await registry.ping().catch((e: unknown) => {
    if (!(e instanceof OciError) || e.code !== 'SKEP_UNAUTHORIZED') throw e;
    throw new OciError('SKEP_UNAUTHORIZED', `${host} does not accept this user name and password.`, {
      hint: 'Check both; many registries want an access token in place of the password.',
      cause: e,
    });
  });
  const env = opts.env ?? process.env;
  const path = opts.authFiles?.[0] ?? dockerConfigFile(env);
  const file = readAuthFile(path) ?? { path, json: {} };
  const helper = helperFor(file, host);
  const auths = isObject(file.json.auths) ? { ...file.json.auths } : {};
  for (const { key } of entriesFor(file, host)) delete auths[key];
  const key = isHub(host) ? HUB_KEY : host;
  if (helper === undefined) {
    auths[key] = { auth: Buffer.from(`${username}:${password}`).toString('base64') };
  } else {
    await storeByHelper(helper, host, credentials, path, env);
    auths[key] = {}; // as docker does: the names are listed here, the secrets are there
  }
  writeAuthFile({ path, json: { ...file.json, auths } });
  return { storedIn: helper === undefined ? path : `docker-credential-${helper}` };
}

/** See the exported `logout`. */
export async function logout(server: string, opts: RegistryOptions = {}): Promise<boolean> {
  const host = parseRegistry(server);
  const env = opts.env ?? process.env;
  let any = false;
  for (const path of authFiles(opts)) {
    const file = readAuthFile(path);
    if (file === undefined) continue;
    const entries = entriesFor(file, host);
    const helper = helperFor(file, host);
    const isKnown = entries.length > 0;
    if (
      helper !== undefined &&
      (isKnown || Object.hasOwn(isObject(file.json.credHelpers) ? file.json.credHelpers : {}, host))
    ) {
      await eraseByHelper(helper, host, path, env);
      any = true;
    }
    if (!isKnown) continue;
    const auths = { ...(file.json.auths as Record<string, unknown>) };
    for (const { key } of entries) delete auths[key];
    writeAuthFile({ path, json: { ...file.json, auths } });
    any = true;
  }
  return any;
}

/** Replaces the file in one step, readable by its owner alone, behind a symbolic link too. */
function writeAuthFile({ path, json }: AuthFile): void {
  try {
    // Node's recursive mkdir never returns there.
    if (/^\/proc(\/|$)/.test(resolve(path))) throw Object.assign(new Error('no file'), { code: 'ENOENT' });
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const target = existing(path);
    const temporary = `${target}.${process.pid}-${randomId()}`;
    try {
      const fd = openSync(temporary, 'wx', 0o600);
      try {
        writeFileSync(fd, `${JSON.stringify(json, null, '\t')}\n`); // docker indents by tabs
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      keepOwner(target, temporary);
      renameSync(temporary, target);
    } catch (e) {
      rmSync(temporary, { force: true });
      throw e;
    }
  } catch (e) {
    throw fileError(
      path,
      `cannot be written (${errno(e)})`,
      'Check the permissions and the free space there.',
      e,
    );
  }
}

function existing(path: string): string {
  try {
    return realpathSync(path);
  } catch (e) {
    if (errno(e) === 'ENOENT') return path;
    throw e;
  }
}

/** Under sudo with the user's home, the file stays the user's. */
function keepOwner(target: string, temporary: string): void {
  if (process.getuid?.() !== 0) return;
  const before = statSync(target, { throwIfNoEntry: false }) ?? statSync(dirname(target));
  chownSync(temporary, before.uid, before.gid);
}
