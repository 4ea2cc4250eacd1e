import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname, resolve } from 'node:path';
import { AgentError } from '../errors.ts';
import { type Ask, QUESTIONS } from './socket.ts';

/** A question is short. */
const MOST_CHARACTERS = 1024;
const PATIENCE_MS = 5_000;
/** At the end, for answers that are under way. */
const END_MS = 1_000;
/** Who asks at once. */
const MOST_CONNECTIONS = 16;

/**
 * Answers questions about a running agent over a Unix socket that only its own user may open. Not HTTP: the agent counts its own
 * Unix sockets to check itself.
 */
export class ControlServer {
  readonly path: string;
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;

  private constructor(path: string, server: Server, sockets: ReadonlySet<Socket>) {
    this.path = path;
    this.#server = server;
    this.#sockets = sockets;
  }

  /**
   * Listens; a socket that a killed agent has left is replaced.
   *
   * @throws AgentError SKEP_AGENT_RUNNING when another agent answers there, SKEP_AGENT_SOCKET
   */
  static async listen(path: string, answer: (ask: Ask['ask']) => Promise<unknown>): Promise<ControlServer> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.once('close', () => sockets.delete(socket)));
      serve(socket, answer);
    });
    server.maxConnections = MOST_CONNECTIONS;
    try {
      const unfit = unfitness(path);
      if (unfit !== undefined) throw new Error(unfit);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      if (await listens(path)) {
        throw new AgentError(
          'SKEP_AGENT_RUNNING',
          `another agent answers at ${path}`,
          'Ask that one (skep agent status), stop it, or give this one another --socket.',
        );
      }
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
      chmodSync(path, 0o600);
    } catch (error) {
      if (error instanceof AgentError) throw error;
      throw new AgentError(
        'SKEP_AGENT_SOCKET',
        `the socket ${path} cannot be made (${(error as Error).message})`,
        'Name another with --socket, in a folder that can be written.',
        error,
      );
    }
    return new ControlServer(path, server, sockets);
  }

  /** Takes the socket away. Who is being answered has a second for it; who asks nothing, or does not read, keeps nobody. */
  async close(): Promise<void> {
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, END_MS);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    clearTimeout(timer);
  }
}

/** sun_path of unix(7), without its last zero. */
const LONGEST_PATH = 107;

/** Why no socket can be there, where trying would not say: Node's recursive mkdir never returns in /proc. */
function unfitness(path: string): string | undefined {
  if (path === '') return 'it has no name';
  if (/^\/proc(\/|$)/.test(resolve(path))) return 'nothing can be made in /proc';
  if (Buffer.byteLength(path) > LONGEST_PATH) return `its path may have ${LONGEST_PATH} bytes at most`;
  return undefined;
}

/** Whether somebody answers there; what nobody does is taken away. */
async function listens(path: string): Promise<boolean> {
  const socket = connect(path);
  const code = await new Promise<string | undefined>((resolve) => {
    socket.once('connect', () => resolve(undefined));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
  });
  socket.destroy();
  // Of a file that is no socket the kernel says the same.
  if (code === 'ECONNREFUSED' && lstatSync(path).isSocket()) unlinkSync(path);
  return code === undefined;
}

function serve(socket: Socket, answer: (ask: Ask['ask']) => Promise<unknown>): void {
  let text = '';
  socket.setEncoding('utf8');
  socket.setTimeout(PATIENCE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    text += chunk;
    const end = text.indexOf('\n');
    if (end < 0 && text.length <= MOST_CHARACTERS) return;
    socket.removeAllListeners('data');
    void reply(text.slice(0, Math.max(0, end)), answer).then((body) =>
      socket.end(`${JSON.stringify(body)}\n`),
    );
  });
}

async function reply(line: string, answer: (ask: Ask['ask']) => Promise<unknown>): Promise<unknown> {
  try {
    const { ask } = JSON.parse(line) as Partial<Ask>;
    if (!QUESTIONS.some((q) => q === ask)) throw new Error(`there is no question "${ask}"`);
    return await answer(ask!);
  } catch (error) {
    return { error: (error as Error).message };
  }
}
