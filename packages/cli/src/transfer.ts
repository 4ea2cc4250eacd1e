import { existsSync } from 'node:fs';
import type { Progress, TransferOptions } from '@skep/oci';
import { usageError } from './errors.ts';
import { out } from './output/out.ts';
import { progressBar } from './output/progress.ts';
import type { Settings } from './settings.ts';
import { parseDuration } from './values.ts';

/** The registry flags as the registry client takes them. */
export function registryOptions(settings: Settings): Omit<TransferOptions, 'onProgress' | 'signal'> {
  if ((settings.username === undefined) !== (settings.password === undefined)) {
    const [there, missing] =
      settings.password === undefined ? ['--username', '--password'] : ['--password', '--username'];
    throw usageError(`${there} needs ${missing} too`, 'skep login HOST asks for both and keeps them.');
  }
  return {
    plainHttp: settings.plainHttp || undefined,
    insecure: settings.insecure || undefined,
    mayBePlain: settings.mayBePlain || undefined,
    caFile: settings.caFile,
    username: settings.username,
    password: settings.password,
    idleTimeoutMs: timeoutMs(process.env.SKEP_REGISTRY_TIMEOUT),
    authFiles: settings.authFiles.length > 0 ? settings.authFiles : undefined,
  };
}

/**
 * Runs a push or pull with a progress bar on a terminal. Ctrl-C and SIGTERM give the transfer up: the store and the
 * registry stay valid, a second try goes on where this one stopped.
 *
 * @param work gets a way to print what is done already, in the place of the bar
 */
export async function transfer<T>(
  label: string,
  settings: Settings,
  quiet: boolean,
  work: (options: TransferOptions, say: (text: string) => Promise<void>) => Promise<T>,
): Promise<T> {
  const absent = settings.authFiles.find((file) => !existsSync(file));
  if (absent !== undefined) {
    throw usageError(
      `there is no file ${absent} with logins`,
      `skep login --config ${absent} HOST makes it.`,
    );
  }
  const bar = quiet ? undefined : progressBar(process.stderr, label);
  const abort = new AbortController();
  const give = () => abort.abort();
  process.once('SIGINT', give).once('SIGTERM', give);
  try {
    const options = {
      ...registryOptions(settings),
      signal: abort.signal,
      onProgress: bar && ((p: Progress) => bar.update(p.digest, p.done, p.total)),
    };
    return await work(options, (text) => {
      bar?.clear();
      return out(text);
    });
  } finally {
    process.removeListener('SIGINT', give).removeListener('SIGTERM', give);
    bar?.clear();
  }
}

function timeoutMs(text: string | undefined): number | undefined {
  return text ? parseDuration('SKEP_REGISTRY_TIMEOUT')(text) : undefined;
}
