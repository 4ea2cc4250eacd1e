import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { out } from '../output/out.ts';
import { claim, removeFolder } from './folder.ts';
import { processId } from './process.ts';

export interface Launch {
  readonly programs: readonly string[];
  readonly name?: string;
  /** What the name is made of where none is given. */
  readonly like: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly remove: boolean;
  /** The whole command line, behind `skep`. */
  readonly argv: readonly string[];
}

/**
 * `skep run -d`: starts the same command line as an instance, waits until its probes are attached and prints its id.
 * One that does not come so far leaves nothing: what it said is said, and its exit code returned.
 */
export async function launch(about: Launch): Promise<number> {
  const { programs, labels, remove, argv } = about;
  const instance = claim(
    { programs, labels, remove, createdAt: new Date().toISOString(), launcher: processId() },
    about,
  );
  const errors = join(instance.folder, 'stderr');
  const fd = openSync(errors, 'ax', 0o600);
  // Behind `--` there are only words of the probe.
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
  const words = [...argv.slice(0, end), '--instance', instance.folder, ...argv.slice(end)];
  const child = spawn(process.execPath, [process.argv[1]!, ...words], {
    stdio: ['ignore', 'ignore', fd, 'pipe'],
    detached: true,
  });
  closeSync(fd);
  const stopped = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stopped);
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const ready = text(child.stdio[3] as NodeJS.ReadableStream as never);
  const attached = (await ready).startsWith('ready');
  const said = readFileSync(errors, 'utf8');
  if (said !== '') process.stderr.write(said);
  if (attached) {
    child.unref();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stopped);
    await out(`${instance.id}\n`);
    return 0;
  }
  const [code] = await ended;
  removeFolder(instance);
  return code ?? 1;
}
