import { EventEmitter } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Sink, TerminalViewOptions, ViewInput, ViewOutput } from '@skep/runtime';
import type { Hub } from './hub.ts';
import { type InstanceStats, type Request, type TerminalInput, withSocket } from './protocol.ts';

/** What the socket of an instance needs of it. */
export interface Served {
  readonly hub: Hub;
  stats(): InstanceStats | undefined;
  /** Ends the run; resolves when all is written. */
  stop(): Promise<unknown>;
  /** Makes a live view on somebody's terminal. */
  view(options: TerminalViewOptions): Sink;
}

/** Answers on the instance's socket until it is closed. The folder keeps everybody but its owner away. */
export async function serve(folder: string, served: Served): Promise<Server> {
  const server = createServer((socket) => {
    // Whoever asked went away: nobody to tell.
    socket.on('error', () => socket.destroy());
    // It lasts as long as the run, not as long as somebody looks.
    socket.unref();
    const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY });
    lines.on('error', () => undefined);
    lines.once('line', (line) => {
      const request = parsed(line) as Request | undefined;
      if (request?.ask === 'attach') attach(request, socket, lines, served);
      else
        void answer(request, socket, served).catch((error: Error) => say(socket, { error: error.message }));
    });
  });
  await withSocket(
    folder,
    (path) =>
      new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(path, resolve);
      }),
  );
  return server;
}

/** A line of JSON that is an object, or undefined: whoever can reach the socket can write anything. */
function parsed(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

async function answer(request: Request | undefined, socket: Socket, served: Served): Promise<void> {
  const ask = request?.ask;
  if (ask === 'stats') say(socket, served.stats() ?? { error: 'its probes are not attached yet' });
  else if (ask === 'stop') {
    await served.stop();
    say(socket, { stopped: true });
  } else say(socket, { error: `it understands "stats", "stop" and "attach", a line of JSON each` });
}

function say(socket: Socket, what: object): void {
  if (!socket.destroyed) socket.end(`${JSON.stringify(what)}\n`);
}

/** A terminal at the other end of the socket. */
function attach(
  { columns, rows, env }: Request & { ask: 'attach' },
  socket: Socket,
  lines: EventEmitter,
  { hub, view: makeView }: Served,
): void {
  const keys = new EventEmitter();
  const size = { columns, rows };
  const input: ViewInput = Object.assign(keys, { resume: () => input, pause: () => input }) as never;
  const output: ViewOutput = {
    get columns() {
      return size.columns;
    },
    get rows() {
      return size.rows;
    },
    write: (text) => !socket.destroyed && socket.write(text),
    on: (event, listener) => (event === 'resize' ? keys.on('resize', listener) : socket.on(event, listener)),
    off: (event, listener) =>
      event === 'resize' ? keys.off('resize', listener) : socket.off(event, listener),
  };
  let open = true;
  const leave = (): void => {
    if (!open) return;
    open = false;
    hub.remove(view);
    void view.stop?.(undefined as never);
    socket.end();
  };
  const view = makeView({ input, output, env, onQuit: leave, onForceQuit: leave, remote: true });
  lines.on('line', (line: string) => {
    const what = parsed(line) as TerminalInput | undefined;
    if (!what) leave();
    else if ('keys' in what) keys.emit('data', Buffer.from(what.keys, 'base64'));
    else {
      Object.assign(size, what);
      keys.emit('resize');
    }
  });
  socket.on('close', leave);
  hub.add(view, leave);
}
