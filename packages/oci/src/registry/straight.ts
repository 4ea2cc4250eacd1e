import type { Agent, ClientRequestArgs, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

// Node's HTTP client takes each read of 64 KiB apart: a new buffer for the read, a copy of it for the body, two streams to go
// through. Of a layer of 200 MB that is a third of all CPU time (docs/adr/registry-http.md). So the head of an answer is Node's to
// read, and of a large body what follows comes from the socket itself, in large reads into the same few buffers.
const BUFFER_BYTES = 1024 * 1024;
/** With less room than that, a read would bring too little: it goes into another buffer. */
const LEAST_ROOM_BYTES = BUFFER_BYTES / 2;
/** What is read in smaller pieces (of TLS, 16 KiB) waits until all has been read that was there. */
const LARGE_BYTES = 256 * 1024;
/** Answers in between are small. */
const HEAD_BYTES = 64 * 1024;
/** So many reads may wait for whoever takes them. */
const WAITING = 2;

type Reader = (piece: Uint8Array) => boolean;
type Created = (error: Error | null, socket: Duplex) => void;

/** What is done with the bytes of each connection that was made with {@link readStraight}. */
const connections = new WeakMap<object, Connection>();

class Connection {
  socket: Socket | undefined;
  #buffer: Uint8Array = Buffer.allocUnsafeSlow(HEAD_BYTES);
  #at = 0;
  readonly #free: Uint8Array[] = [];
  #reader: Reader | undefined;

  /** Whoever takes the bytes from now on, instead of Node's HTTP client. */
  readBy(reader: Reader): void {
    this.#reader = reader;
  }

  /** What holds these bytes may be written to again. */
  free({ buffer }: Uint8Array): void {
    if (buffer.byteLength === BUFFER_BYTES) this.#free.push(new Uint8Array(buffer));
  }

  /** Where the next bytes go. */
  readonly buffer = (): Uint8Array => {
    if (this.#reader !== undefined && this.#buffer.length - this.#at < LEAST_ROOM_BYTES) {
      this.#buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
      this.#at = 0;
    }
    return this.#buffer.subarray(this.#at);
  };

  /** @returns false when no more is to be read for now */
  readonly callback = (length: number, bytes: Uint8Array): boolean => {
    const piece = bytes.subarray(0, length);
    if (this.#reader === undefined) return this.socket?.push(Buffer.from(piece)) ?? true;
    this.#at += length;
    return this.#reader(piece);
  };
}

/** Makes the connections of an agent such that {@link straightBody} can take them over. */
export function readStraight(agent: Agent): Agent {
  const create = agent.createConnection;
  agent.createConnection = (options: ClientRequestArgs, callback?: Created) => {
    const connection = new Connection();
    const { buffer, callback: onRead } = connection;
    const onread = { buffer, callback: onRead };
    const socket = create.call(agent, { ...options, onread } as ClientRequestArgs, callback);
    connection.socket = socket as Socket;
    connections.set(connection.socket, connection);
    return socket;
  };
  return agent;
}

/**
 * The body of an answer as it arrives, past Node's HTTP client, which does not get its connection back: whoever is done destroys
 * the answer. Undefined where that is not worth it, or cannot be: a body of no known length, or in chunks.
 *
 * @param lent whether a piece is used no longer than until the next but one is asked for
 */
export function straightBody(res: IncomingMessage, lent = false): AsyncGenerator<Uint8Array> | undefined {
  const connection = connections.get(res.socket);
  const said = res.headers['content-length'];
  if (connection === undefined || said === undefined || res.headers['transfer-encoding'] !== undefined)
    return;
  const left = Number(said) - res.readableLength;
  if (res.complete || res.socket.readableLength > 0 || !(left >= BUFFER_BYTES)) return;
  return bodyOf(res, connection, left, lent);
}

/** A piece that follows the last one in memory becomes one with it. */
function add(waiting: Uint8Array[], piece: Uint8Array): void {
  const last = waiting.at(-1);
  if (last?.buffer === piece.buffer && last.byteOffset + last.length === piece.byteOffset)
    waiting[waiting.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + piece.length);
  else waiting.push(piece);
}

async function* bodyOf(
  res: IncomingMessage,
  connection: Connection,
  length: number,
  lent: boolean,
): AsyncGenerator<Uint8Array> {
  const waiting: Uint8Array[] = [];
  let left = length;
  let used: Uint8Array | undefined;
  let failure: Error | undefined;
  let wake = (): void => undefined;
  const fail = (e: Error): void => {
    failure ??= e;
    wake();
  };
  // Its timeout, who stops it, and a connection that breaks come as they do without us.
  res.on('error', fail);
  res.on('close', () => fail(new Error('the connection was closed')));
  connection.readBy((read) => {
    add(waiting, read.length > left ? read.subarray(0, left) : read);
    left -= Math.min(left, read.length);
    if (read.length >= LARGE_BYTES) wake();
    else setImmediate(() => wake());
    return left > 0 && waiting.length < WAITING;
  });
  // What has come with the head.
  for (let piece = res.read(); piece !== null; piece = res.read()) yield piece;
  for (;;) {
    const piece = waiting.shift();
    if (piece !== undefined) {
      // To be kept, a large one goes with what holds it, of which it is no more than a part else.
      const given = !lent && piece.length > LEAST_ROOM_BYTES;
      yield lent || given ? piece : Buffer.from(piece);
      if (used && used.buffer !== piece.buffer) connection.free(used);
      used = given ? undefined : piece;
      continue;
    }
    if (left === 0) return;
    if (failure) throw failure;
    connection.socket?.resume();
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}
