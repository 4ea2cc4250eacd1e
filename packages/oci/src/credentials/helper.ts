import { OciError, printable } from '../errors.ts';
import { isObject } from '../manifest.ts';
import { isHub } from '../registry/host.ts';
import { HUB_KEY } from './file.ts';
import type { Credentials } from './find.ts';

// https://github.com/docker/docker-credential-helpers#development
const LONGEST_RUN_MS = 30_000;
const MAX_OUTPUT = 1024 * 1024;

/** Asks `docker-credential-NAME` for a login. @returns undefined when it knows none. @throws OciError SKEP_AUTH_FILE */
export async function askHelper(
  name: string,
  host: string,
  file: string,
  env: NodeJS.ProcessEnv,
): Promise<Credentials | undefined> {
  const { code, stdout } = await run(name, 'get', serverOf(host), file, env);
  if (code !== 0) {
    if (/credentials not found|no credentials|not found in native keychain/i.test(stdout)) return undefined;
    throw failed(name, file, stdout);
  }
  let json: unknown;
  try {
    json = JSON.parse(stdout);
  } catch {
    throw failed(name, file, 'its answer is not JSON'); // which may hold a secret, so it is not shown
  }
  if (!isObject(json) || typeof json.Username !== 'string' || typeof json.Secret !== 'string') {
    throw failed(name, file, 'its answer has no Username and Secret');
  }
  if (json.Username === '' && json.Secret === '') return undefined;
  if (json.Username === '<token>') return { identityToken: json.Secret };
  return { username: json.Username, password: json.Secret };
}

/** Gives a login to the helper. */
export async function storeByHelper(
  name: string,
  host: string,
  login: { username: string; password: string },
  file: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const input = JSON.stringify({
    ServerURL: serverOf(host),
    Username: login.username,
    Secret: login.password,
  });
  const { code, stdout } = await run(name, 'store', input, file, env);
  if (code !== 0) throw failed(name, file, stdout);
}

/** Makes the helper forget a login. One that it does not know is no error. */
export async function eraseByHelper(
  name: string,
  host: string,
  file: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const { code, stdout } = await run(name, 'erase', serverOf(host), file, env);
  if (code !== 0 && !/not found/i.test(stdout)) throw failed(name, file, stdout);
}

function serverOf(host: string): string {
  return isHub(host) ? HUB_KEY : host;
}

function run(
  name: string,
  verb: string,
  input: string,
  file: string,
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; stdout: string }> {
  if (!/^[A-Za-z0-9._-]+$/.test(name)) throw failed(name, file, 'a name with such characters is not run');
  const { spawn } = process.getBuiltinModule('node:child_process');
  return new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${name}`, [verb], { stdio: ['pipe', 'pipe', 'ignore'], env });
    // Not spawn's own timeout: its timer outlives a program that could not be started, and with it this process.
    const timer = setTimeout(() => child.kill(), LONGEST_RUN_MS);
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout = (stdout + text).slice(0, MAX_OUTPUT);
    });
    child.on('error', () => {
      clearTimeout(timer);
      reject(failed(name, file, `docker-credential-${name} is not in the PATH`));
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout });
    });
    child.stdin.on('error', () => undefined); // it ended without reading: its exit code says more
    child.stdin.end(input);
  });
}

function failed(name: string, file: string, why: string): OciError {
  const reason = printable(why) || 'it failed without a word';
  const message = `The credential helper ${printable(name)}, named in ${file}, gives no login: ${reason}.`;
  return new OciError('SKEP_AUTH_FILE', message, {
    hint: `Install or unlock it, or remove it from ${file}; --username and --password go past it.`,
  });
}
