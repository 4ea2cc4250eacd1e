import type { Agent, ClientRequestArgs, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

// Node's HTTP client takes each read of 64 KiB apart: a new buffer for the read, a copy of it for the body, two streams to go
// through. Of a layer of 200 MB that is a third of all CPU time (docs/adr/registry-http.md). So the head of an answer is Node's to
// read, and of a large body what follows comes from the socket itself, in large reads into buffers of our own.
const BUFFER_BYTES = 1024 * 1024;
/** Below that a read would bring too little: another buffer is begun. What was given out is never written to again. */
const LEAST_READ_BYTES = 64 * 1024;
/** Answers in between are small. */
const HEAD_BYTES = 64 * 1024;
/** So much may wait for whoever reads. */
const WAITING_BYTES = 2 * BUFFER_BYTES;

type Reader = (piece: Uint8Array) => boolean;
type Created = (error: Error | null, socket: Duplex) => void;

/** What is done with the bytes of each connection that was made with {@link readStraight}. */
const connections = new WeakMap<object, Connection>();

class Connection {
  socket: Socket | undefined;
  #buffer = Buffer.allocUnsafeSlow(HEAD_BYTES);
  #at = 0;
  #reader: Reader | undefined;

  /** Whoever takes the bytes from now on, instead of Node's HTTP client. */
  readBy(reader: Reader): void {
    this.#reader = reader;
  }

  /** Where the next bytes go. */
  readonly buffer = (): Uint8Array => {
    if (this.#reader === undefined) return this.#buffer;
    if (this.#buffer.length - this.#at < LEAST_READ_BYTES) {
      this.#buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
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
 */
export function straightBody(res: IncomingMessage): AsyncGenerator<Uint8Array> | undefined {
  const connection = connections.get(res.socket);
  const said = res.headers['content-length'];
  if (connection === undefined || said === undefined || res.headers['transfer-encoding'] !== undefined)
    return;
  const left = Number(said) - res.readableLength;
  if (res.complete || res.socket.readableLength > 0 || !(left >= BUFFER_BYTES)) return;
  return bodyOf(res, connection, left);
}

async function* bodyOf(
  res: IncomingMessage,
  connection: Connection,
  length: number,
): AsyncGenerator<Uint8Array> {
  const waiting: Uint8Array[] = [];
  let bytes = 0;
  let left = length;
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
    const piece = read.length > left ? read.subarray(0, left) : read;
    left -= piece.length;
    bytes += piece.length;
    waiting.push(piece);
    wake();
    return left > 0 && bytes < WAITING_BYTES;
  });
  // What has come with the head.
  for (let piece = res.read(); piece !== null; piece = res.read()) yield piece;
  for (;;) {
    const piece = waiting.shift();
    if (piece !== undefined) {
      bytes -= piece.length;
      yield piece;
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
