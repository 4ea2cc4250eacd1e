import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { CliError } from '../errors.ts';
import type { Instance } from './folder.ts';
import { type Request, withSocket } from './protocol.ts';

/**
 * Connects to a running instance.
 *
 * @throws CliError SKEP_NOT_RUNNING
 */
export async function connectTo(instance: Instance): Promise<Socket> {
  if (instance.state !== 'running') throw notRunning(instance);
  try {
    return await withSocket(
      instance.folder,
      (path) =>
        new Promise<Socket>((resolve, reject) => {
          const socket = connect(path, () => {
            socket.off('error', reject);
            resolve(socket);
          });
          socket.once('error', reject);
        }),
    );
  } catch (cause) {
    if (['ENOENT', 'ECONNREFUSED'].includes((cause as NodeJS.ErrnoException).code ?? ''))
      throw notRunning(instance, { cause });
    throw cause;
  }
}

/** Asks something that is answered by one line; undefined when the instance ended without an answer. */
export async function ask<T>(
  instance: Instance,
  request: Request,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const socket = await connectTo(instance);
  signal?.addEventListener('abort', () => socket.destroy(), { once: true });
  socket.on('error', () => undefined); // its end: no line
  socket.write(`${JSON.stringify(request)}\n`);
  for await (const line of createInterface({ input: socket })) {
    const answer = JSON.parse(line) as T & { error?: string };
    if (answer.error === undefined) return answer;
    throw new CliError('SKEP_NOT_RUNNING', `${instance.name}: ${answer.error}`, 'skep ps shows its state.');
  }
  return undefined;
}

/** What is said of an instance that cannot be asked. */
export function notRunning({ name, state }: Instance, options?: ErrorOptions): CliError {
  return new CliError(
    'SKEP_NOT_RUNNING',
    `instance "${name}" is not running (${state === 'running' ? 'it is just ending' : state})`,
    state === 'created' ? 'It is being started: try again.' : `skep logs ${name} shows what it saw.`,
    options,
  );
}
