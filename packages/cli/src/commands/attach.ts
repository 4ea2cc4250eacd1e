import type { Command } from 'commander';
import { usageError } from '../errors.ts';
import { examples } from '../examples.ts';
import { connectTo } from '../instances/client.ts';
import { findInstance, readInstance } from '../instances/folder.ts';
import type { Request, TerminalInput } from '../instances/protocol.ts';
import { canDraw } from '../output/color.ts';
import { note } from '../output/out.ts';

/** What the view wants to know of the terminal. */
const VARIABLES = ['TERM', 'COLORTERM', 'NO_COLOR', 'FORCE_COLOR', 'LANG', 'LC_ALL', 'LC_CTYPE'];
/** Whatever the view had changed of the screen, for when it could not put it back itself. */
const RESTORE = '\x1b[?2026l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l';

/** `skep attach` */
export function define(command: Command): void {
  command.argument('<instance>', 'a name, or the beginning of an id').action(attach);
  examples(
    command,
    'sudo skep attach kills',
    '',
    'The live view of what runs in the background: q and Ctrl-C leave it, and it goes on.',
    'Its tables begin with what comes from now on; counters show what they hold.',
  );
}

async function attach(word: string): Promise<void> {
  const instance = findInstance(word);
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !canDraw(stdout))
    throw usageError(
      'attach needs a terminal, and not a dumb one',
      `Elsewhere: skep logs -f ${instance.name}.`,
    );
  const socket = await connectTo(instance);
  const env = Object.fromEntries(VARIABLES.flatMap((v) => (process.env[v] ? [[v, process.env[v]!]] : [])));
  const send = (what: Request | TerminalInput): void => void socket.write(`${JSON.stringify(what)}\n`);
  const size = () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 });
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => socket.destroy());
  const keys = (chunk: Buffer): void => send({ keys: chunk.toString('base64') });
  const resize = (): void => send(size());
  const leave = (): void => void socket.destroy();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.once(signal, leave);
  stdin.setRawMode(true);
  stdin.on('data', keys);
  stdout.on('resize', resize);
  send({ ask: 'attach', ...size(), env });
  socket.pipe(stdout, { end: false });
  await ended;
  for (const signal of signals) process.off(signal, leave);
  stdin.off('data', keys);
  stdout.off('resize', resize);
  stdin.setRawMode(false);
  stdin.pause();
  stdout.write(RESTORE);
  // With its end it may be gone (run --rm), or another one have its name.
  const now = readInstance(instance.folder);
  const goesOn = now?.id === instance.id && now.state === 'running';
  note(`${instance.name} ${goesOn ? 'goes on' : 'has ended'}`);
}
