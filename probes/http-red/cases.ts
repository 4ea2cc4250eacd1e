/** What http-red is held to: exchanges as talk.native.c carries them out, and what is to be counted of each. */
import { spawnSync } from 'node:child_process';
import { release } from 'node:os';
import { nativeFixture } from '../../test/support/fixtures.ts';

/** What carries them out. */
export const program = await nativeFixture(new URL('../../test/support/talk.native.c', import.meta.url));

export const GET = 'GET /users/42?x=1 HTTP/1.1\r\nHost: here\r\nAccept: */*\r\n\r\n';
export const OK = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello';

/** An exchange of messages over a connection, as talk.native.c takes it; its defaults where a member is absent. */
export interface Talk {
  family?: string;
  send?: string;
  receive?: string;
  piece?: number;
  count?: number;
  request?: string;
  response?: string;
  end?: string;
}

/** Is the running kernel older? */
export function before(major: number, minor: number): boolean {
  const [a = 0, b = 0] = release().split('.').map(Number);
  return a < major || (a === major && b < minor);
}

/** A rung whose hooks are there, but whose programs do not load before 5.17: bpf_loop(). */
export function unloadable(rung: string): boolean {
  return rung.startsWith('fentry') && !rung.startsWith('fentry_lru') && before(5, 17);
}

const both = (n: number, method = 'GET', status = 200) => ({
  [`HTTP_SERVER HTTP_${method} ${status}`]: n,
  [`HTTP_CLIENT HTTP_${method} ${status}`]: n,
});

const senders = ['write', 'writev', 'send', 'sendto', 'sendmsg', 'sendmmsg'];
const receivers = ['read', 'readv', 'recv', 'recvfrom', 'recvmsg', 'recvmmsg', 'peek'];

const response = (status: number, header = '', body = '') => `HTTP/1.1 ${status} X\r\n${header}\r\n${body}`;
const chunked = 'Transfer-Encoding: chunked\r\n';
const chunks = '5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nTrailer: x\r\n\r\n';

/** What is said, and what is to be counted of it. */
type Case = [Talk, Record<string, number>];

export const calls: Case[] = [
  ...['tcp4', 'tcp6', 'unix', 'pair'].map((family) => ({ family })),
  ...senders.map((send) => ({ send, family: 'tcp4' })),
  ...receivers.map((receive) => ({ receive, family: 'tcp6' })),
  ...senders.map((send, i) => ({ send, receive: receivers[i]!, family: 'unix', piece: 7 })),
].map((talk) => [talk, both(3)]);

export const cuts: Case[] = [1, 2, 3, 5, 8, 13, 16, 17, 31, 50].map((piece) => [
  { piece, family: piece % 2 ? 'tcp4' : 'unix' },
  both(3),
]);

export const inFull: Case[] = [
  [{ response: response(204) }, both(3, 'GET', 204)],
  [{ response: response(304, 'Content-Length: 100\r\n') }, both(3, 'GET', 304)],
  [{ response: response(200, chunked, chunks) }, both(3)],
  [{ response: response(200, chunked, chunks), piece: 1 }, both(3)],
  // More chunks in one call than it may take steps for each byte of their sizes.
  [{ response: response(200, chunked, `${'8\r\n12345678\r\n'.repeat(3000)}0\r\n\r\n`), count: 2 }, both(2)],
  [{ request: `POST /up HTTP/1.1\r\n${chunked}\r\n${chunks}` }, both(3, 'POST')],
  [{ request: 'PUT /up HTTP/1.1\r\ncontent-length:  11\r\n\r\nGET / HTTP/' }, both(3, 'PUT')],
  [
    { request: 'HEAD / HTTP/1.1\r\n\r\n', response: response(200, 'Content-Length: 1000\r\n') },
    both(3, 'HEAD'),
  ],
  // A body where there should be none, as some programs give to HEAD, when the next request has been sent already.
  ...[0, 1, 50].map(
    (piece): Case => [
      { request: `HEAD / HTTP/1.1\r\n\r\n${GET}`, response: OK + OK, piece },
      { ...both(3, 'HEAD'), ...both(3) },
    ],
  ),
  ...[0, 1, 50].map(
    (piece): Case => [
      { request: `HEAD / HTTP/1.1\r\n\r\n${GET}`, response: response(200, chunked, chunks) + OK, piece },
      { ...both(3, 'HEAD'), ...both(3) },
    ],
  ),
  // Nothing says where it ends, as with Starman: of a server it is what the same call sends. Its client cannot tell.
  [
    { request: `HEAD / HTTP/1.1\r\n\r\n${GET}`, response: response(200, '', 'ab') + OK, piece: 20, count: 1 },
    { ...both(1, 'HEAD'), 'HTTP_SERVER HTTP_GET 200': 1, 'HTTP_CLIENT HTTP_GET 0 HTTP_CLOSED': 1 },
  ],
  [{ response: response(100) + OK }, both(3)],
  [{ response: response(103, 'Link: x\r\n') + OK }, both(3)],
  [{ request: GET.repeat(3), response: OK.repeat(3), count: 2 }, both(6)],
  [{ request: GET.repeat(20), response: OK.repeat(20), count: 2 }, both(40)],
  [{ request: GET.repeat(20), response: OK.repeat(20), count: 2, piece: 100 }, both(40)],
  [{ request: `GET /${'x'.repeat(9000)}?${'y'.repeat(9000)} HTTP/1.1\r\n\r\n` }, both(3)],
  [{ request: `GET / HTTP/1.1\r\nCookie: ${'c'.repeat(20_000)}\r\n\r\n` }, both(3)],
  [{ request: 'GET http://proxied.example/a HTTP/1.1\r\n\r\n' }, both(3)],
  // Blanks that should have been escaped, and a version of a weather station's own; some servers take them.
  [{ request: 'GET /users/42 HTTP/1.0.8\r\nAccept: */*\r\n\r\n' }, both(3)],
  ...[0, 1].map(
    (piece): Case => [{ request: 'GET /users/42 b?at=1 HTTP/1 c  HTTP/1.1\r\n\r\n', piece }, both(3)],
  ),
  [{ request: 'OPTIONS * HTTP/1.1\r\n\r\n' }, both(3, 'OPTIONS')],
  [
    { request: 'GET /old HTTP/1.0\r\n\r\n', response: 'HTTP/1.0 200 OK\r\n\r\nuntil the end', count: 1 },
    both(1),
  ],
  [{ request: '\r\nGET / HTTP/1.1\r\n\r\n' }, both(3)],
  [
    { request: 'GET / HTTP/1.1\nHost: bare\n\n', response: 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok' },
    both(3),
  ],
  [
    { response: `HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n${'b'.repeat(30_000)}`, piece: 4096 },
    both(3),
  ],
  [
    {
      request: 'GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n',
      response: `${response(101)}GET /x HTTP/1.1\r\n\r\n`,
      count: 1,
    },
    both(1, 'GET', 101),
  ],
];

const near = [
  'Content-Lengthy: 99',
  'Transfer-Encodings: chunked',
  'Traceparents: 1',
  'Content-Type: a/b',
  'T: 1',
  'C:',
];
const put = (lines: readonly string[], body: string) =>
  `PUT /up HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;

/** Names that begin like ours, and ours in any case; ours where a window of 512 bytes ends, at each of its bytes. */
export const names: Case[] = [
  ...[0, 3].map(
    (piece): Case => [
      {
        response: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: x\r\ncontent-length: 5\r\n\r\nhello',
        piece,
      },
      both(3),
    ],
  ),
  [{ request: put([...near, 'CONTENT-length:5'], 'GET /') }, both(3, 'PUT')],
  [{ request: put([...near, 'transfer-ENCODING: Chunked'], chunks) }, both(3, 'PUT')],
  [{ response: `HTTP/1.1 404\r\n${near.join('\r\n')}\r\nContent-Length: 0\r\n\r\n` }, both(3, 'GET', 404)],
  ...Array.from({ length: 24 }, (_, i): Case => {
    const x = `X: ${'x'.repeat(466 + i)}`;
    return i % 2
      ? [{ request: put([x, 'Content-Length: 5'], 'GET /') }, both(3, 'PUT')]
      : [{ request: put([x, 'Transfer-Encoding: chunked'], chunks) }, both(3, 'PUT')];
  }),
];

/** Bodies that no hook sees the bytes of, and responses that none does: those are lost, not failed. */
export const past: Case[] = [
  ...['tcp4', 'tcp6', 'unix'].map((family): Case => [{ family, send: 'body', count: 5 }, both(5)]),
  ...['splice', 'trunc'].map((receive): Case => [{ receive, count: 2 }, {}]),
];

export const foreign: Case[] = [
  { request: '*1\r\n$4\r\nPING\r\n', response: '+PONG\r\n' },
  { request: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', response: 'xxxxxxxxx' },
  { request: 'OPTIONS rtsp://x RTSP/1.0\r\n\r\n', response: 'RTSP/1.0 200 OK\r\n\r\n' },
  { request: '\x16\x03\x01\x02', response: '\x16\x03\x03\x02' },
  { request: 'get key\r\n', response: 'VALUE key 0 2\r\nok\r\nEND\r\n' },
].map((talk) => [talk, {}]);

/** Streams over TCP whose bytes are not those that it numbers: MPTCP, and what the kernel encrypts; where it has them. */
if (process.env.SKEP_GUEST) spawnSync('modprobe', ['-a', 'ctr', 'ghash_generic', 'gcm', 'tls']);
const possible = (family: string) =>
  spawnSync(program, [family, 'write', 'read', '0', '1', GET, OK]).status === 0;
export const unnumbered: Case[] = ['mptcp4', 'ktls4'].filter(possible).flatMap((family): Case[] => [
  [{ family }, both(3)],
  [{ family, piece: 7, request: put(['Content-Length: 30'], 'b'.repeat(30)) }, both(3, 'PUT')],
  [{ family, send: 'body', count: 5 }, both(5)],
  [{ family, piece: 40, response: response(200, chunked, chunks) }, both(3)],
  // MPTCP takes its time to end what both have closed: the client sees the end before.
  [{ family, response: 'HTTP/1.0 200 OK\r\n\r\nuntil the end', count: 1, end: 'shut' }, both(1)],
]);

/** Of a request with a body in chunks the last 20 bytes come behind its response: ten of the body, or none. */
const tail = 'a\r\n0123456789\r\n0\r\n\r\n';
const trailer = '0\r\nA: 1234567890\r\n\r\n';
const early20 = (family: string, end: string, piece: number): Case => [
  { family, request: `POST /up HTTP/1.1\r\n${chunked}\r\n5\r\nhello\r\n${end}`, piece, end: 'early' },
  both(3, 'POST'),
];
/** Refused: the body's last 20 bytes come nevertheless, or what was announced never comes. */
const refusal = response(413, 'Content-Length: 0\r\n');
const refusedBody = (announced: number, come: string, end = ''): Talk => ({
  request: `POST /up HTTP/1.1\r\nContent-Length: ${announced}\r\n\r\n${come}`,
  response: refusal,
  end,
});
export const late: Case[] = [0, 1, 7].flatMap((piece): Case[] => [
  early20('tcp4', tail, piece),
  early20('unix', trailer, piece),
  [{ ...refusedBody(25, 'hello'.repeat(5), 'early'), piece }, both(3, 'POST', 413)],
  [{ ...refusedBody(3_000_000, 'hello'), count: 1, piece }, both(1, 'POST', 413)],
  [{ ...refusedBody(25, 'hello'.repeat(5), 'early'), family: 'unix', response: OK, piece }, both(3, 'POST')],
  [{ ...refusedBody(3_000_000, ''), family: 'unix', count: 1, piece }, both(1, 'POST', 413)],
  // Some of the rest comes behind the response, and then the connection ends.
  [{ ...refusedBody(3_000_000, 'hello'.repeat(5), 'early'), count: 1, piece }, both(1, 'POST', 413)],
  [
    {
      request: `POST /up HTTP/1.1\r\n${chunked}\r\n5\r\nhello\r\n20\r\n${'x'.repeat(25)}`,
      piece,
      count: 1,
      end: 'early',
    },
    both(1, 'POST'),
  ],
]);
/** The bytes of their bodies, at each end. */
export const lateBodies = 3 * (3 * (15 + 5) + 6 * 25 + 5 + 25 + 30);

const refused = { 'HTTP_SERVER HTTP_GET 0 HTTP_CLOSED': 1, 'HTTP_CLIENT HTTP_GET 0 HTTP_CLOSED': 1 };

/** A client that waits for the end, and one that is refused before its header has one. */
export const early: Case[] = [
  [{ family: 'tcp6', count: 1, end: 'half' }, both(1)],
  [{ count: 3, end: 'half' }, both(3)],
  [{ count: 1, response: 'HTTP/1.0 200 OK\r\n\r\nuntil the end', end: 'half' }, both(1)],
  [{ family: 'unix', count: 1, response: 'HTTP/1.0 200 OK\r\n\r\nuntil the end', end: 'shut' }, both(1)],
  // The end of a connection comes on another processor while the call that has read the response is on its way out.
  [{ count: 1000, end: 'race' }, both(1000)],
  // The text alone, as thttpd, civetweb and HTTP::Daemon refuse what is too long. It has ended when its connection has.
  [{ count: 1, response: '<h1>414 URI Too Long</h1>' }, refused],
  [{ count: 1, response: '<h1>', piece: 3, end: 'shut' }, refused],
  ...['tcp4', 'unix'].map(
    (family): Case => [
      {
        family,
        request: 'GET /up HTTP/1.1\r\nA',
        count: 1,
        response: 'HTTP/1.0 431 X\r\n\r\nlong',
        end: 'shut',
      },
      both(1, 'GET', 431),
    ],
  ),
  ...[`GET /${'l'.repeat(600)}`, 'GET /up HTTP/1.1\r\nCookie: c'].map(
    (request): Case => [
      { request, count: 1, response: response(431, 'Content-Length: 0\r\n') },
      both(1, 'GET', 431),
    ],
  ),
];

export const reset: Talk[] = [
  { count: 2, end: 'reset' },
  { family: 'tcp6', count: 1, end: 'reset' },
  { count: 2, end: 'late' },
  { family: 'tcp6', count: 1, end: 'late' },
];
/** The server leaves without a response. */
export const closed: Talk[] = [
  { family: 'unix', count: 2, end: 'gone' },
  { family: 'pair', count: 1, end: 'gone' },
  { family: 'unix', response: 'HTTP/1.0 200 OK\r\n\r\nuntil the end', count: 2, end: 'gone' },
];

/** As talk.native.c takes it from its stdin. */
export function words(t: Talk): string {
  const { family = 'tcp4', send = 'write', receive = 'read', piece = 0, count = 3 } = t;
  const list = [family, send, receive, `${piece}`, `${count}`, t.request ?? GET, t.response ?? OK];
  return [...list, ...(t.end ? [t.end] : []), '', ''].join('\0');
}
