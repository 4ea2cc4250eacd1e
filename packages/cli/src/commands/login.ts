import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { usageError } from '../errors.ts';
import { examples } from '../examples.ts';
import { note, out } from '../output/out.ts';
import { type Settings, settingsOf } from '../settings.ts';
import { registryOptions } from '../transfer.ts';

/** `skep login` */
export function define(command: Command): void {
  command
    .argument('<server>', 'the registry, host or host:port')
    .option('--password-stdin', 'read the password from standard input')
    .action(login);
  examples(
    command,
    'skep login ghcr.io',
    'skep login -u me --password-stdin ghcr.io < token.txt',
    '',
    'What docker and podman know already is used without a login.',
  );
}

async function login(server: string, flags: { passwordStdin?: boolean }, command: Command): Promise<void> {
  const settings = settingsOf(command);
  const credentials = await askCredentials(server, settings, flags.passwordStdin ?? false);
  const { login, parseRegistry } = await import('@skep/oci');
  const options = registryOptions({ ...settings, username: undefined, password: undefined });
  await login(server, credentials, options);
  // As docker does; podman would keep it for that part alone.
  if (/\/(?!(v[12]\/?)?$)/.test(server.replace(/^https?:\/\//, '')))
    note(`It is kept for all of ${parseRegistry(server)}, whatever stands behind the name.`);
  await out('Login Succeeded\n');
}

async function askCredentials(
  server: string,
  settings: Settings,
  fromStdin: boolean,
): Promise<{ username: string; password: string }> {
  if (fromStdin && settings.password !== undefined) {
    throw usageError('--password and --password-stdin exclude each other', 'Keep --password-stdin.');
  }
  if (fromStdin && settings.username === undefined) {
    throw usageError('--password-stdin needs the user too', 'skep login -u NAME --password-stdin SERVER');
  }
  if (settings.password !== undefined) {
    note('Other users of this machine can see a --password on the command line; --password-stdin is safer.');
  }
  const password = fromStdin ? (await text(process.stdin)).replace(/\r?\n$/, '') : settings.password;
  if (settings.username !== undefined && password !== undefined)
    return { username: settings.username, password };
  if (!process.stdin.isTTY) {
    throw usageError(
      'user and password are missing, and this is not a terminal to ask at',
      `skep login -u NAME --password-stdin ${server} < FILE`,
    );
  }
  const { ask, askHidden } = await import('../prompts.ts');
  const username = settings.username ?? (await ask('Username'));
  return { username, password: password ?? (await askHidden('Password')) };
}
