import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Patience } from './patience.ts';

/** What was sent and answered: what must have been counted. */
export interface OwnRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly traceId: string;
  readonly spanId: string;
}

const BODY = 'how many bees';
const ANSWER = 'as many as were let in';
export const OWN_PATH = '/skep/self-check';

/**
 * Sends one HTTP request through a Unix socket of its own, in the abstract namespace, and answers it. No library has a part in
 * it, so what goes over the socket is known to the byte.
 */
export async function sendOwnRequest(timeoutMs: number): Promise<OwnRequest> {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  const path = `\0skep-self-check-${process.pid}-${spanId}`;
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    whole(socket, BODY, () =>
      socket.write(`HTTP/1.1 201 Created\r\nContent-Length: ${ANSWER.length}\r\n\r\n${ANSWER}`),
    );
  });
  using patience = new Patience(timeoutMs);
  const { signal } = patience;
  try {
    server.listen(path);
    await once(server, 'listening', { signal });
    const client = connect(path);
    sockets.push(client);
    await once(client, 'connect', { signal });
    const answered = new Promise<void>((resolve) => whole(client, ANSWER, resolve));
    client.write(
      `PUT ${OWN_PATH} HTTP/1.1\r\nHost: skep\r\nContent-Length: ${BODY.length}\r\n` +
        `traceparent: 00-${traceId}-${spanId}-01\r\n\r\n${BODY}`,
    );
    const ended = once(signal, 'abort').then(() => {
      throw new Error('the answer did not come');
    });
    await Promise.race([answered, ended]);
    client.end();
    await once(client, 'close', { signal });
  } finally {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
  return {
    method: 'PUT',
    path: OWN_PATH,
    status: 201,
    requestBytes: BODY.length,
    responseBytes: ANSWER.length,
    traceId,
    spanId,
  };
}

function whole(socket: Socket, end: string, then: () => void): void {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    if (text.endsWith(end)) then();
  });
}
