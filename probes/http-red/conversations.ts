/**
 * HTTP/1 by chance: messages in every form that the standard allows, and what is to be counted of them. Two ends say them as
 * converse.native.c does. The same seed gives the same conversations.
 */

import type { Count } from './counted.ts';

export interface Conversation {
  /** As converse.native.c takes it. */
  input: Buffer;
  /** What is to be counted at each of its ends, by `METHOD STATUS`. */
  counts: Record<string, Count>;
  /** In words, for who has to find out why it failed. */
  told: string;
}

const FAMILIES = ['tcp4', 'tcp6', 'unix'] as const;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'];
/** A method is any token. */
const OTHERS = ['PURGE', 'patch', 'BITS_POST', "a1!#$%&'*+-.^_`|~"];
const BODIES = new Set(['POST', 'PUT', 'PATCH']);
const STATUSES = [200, 200, 200, 201, 204, 206, 301, 304, 400, 404, 418, 429, 500, 503, 599, 799];
const LENGTHS = [0, 1, 2, 5, 13, 100, 511, 512, 513, 4096, 16_384, 40_000];
const CHUNKS = [1, 2, 7, 16, 100, 1000, 4096, 30_000];
const NAMES = [
  'Accept',
  'Host',
  'Cookie',
  'C',
  'Content-Typ',
  'Content-Lengths',
  'Transfer-Encodin',
  'TE',
  'Date',
];
const PATHS = [
  '/',
  '/a',
  '/users/42',
  '/x/y/z?q=1',
  'http://other.example:81/a?b',
  `/${'p'.repeat(480)}`,
  '*',
];
/** What a proxy says before the first message (haproxy's doc/proxy-protocol.txt), by line and by frame. */
const FRAME = '\r\n\r\n\0\r\nQUIT\n';
const PREFACES = [
  'PROXY TCP4 192.0.2.1 198.51.100.7 40000 80\r\n',
  'PROXY UNKNOWN\r\n',
  `${FRAME}\x21\x11\0\x0c${'\xc0\0\x02\x01\xc6\x33\x64\x07\x9c\x40\0\x50'}`,
  `${FRAME}\x20\0\0\0`,
  `${FRAME}\x21\x21\x01\x2c${'GET / HTTP/1.1\r\n\r\n'.padEnd(300, '\n')}`,
];
/** Bodies that look like what stands around them. */
const BODY_WORDS = [
  'x',
  'GET / HTTP/1.1\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc',
  '0\r\n\r\n',
  '\r\n',
];

class Chance {
  #state: number;
  constructor(seed: number) {
    this.#state = Math.imul(seed, 2654435761) | 1;
  }
  below(most: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % most;
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
  /** One in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }
}

const cased = (c: Chance, name: string) => c.of([name, name.toLowerCase(), name.toUpperCase()]);
const field = (c: Chance, name: string, value: string | number) =>
  `${cased(c, name)}:${c.of(['', ' ', ' \t '])}${value}${c.of(['', '', ' '])}`;

function others(c: Chance): string[] {
  return Array.from({ length: c.of([0, 1, 2, 5]) }, () =>
    field(c, c.of(NAMES), 'v:='.repeat(c.of([0, 1, 20, 250]))),
  );
}

function shuffled(c: Chance, lines: string[]): string {
  for (let i = lines.length - 1; i > 0; i--) {
    const j = c.below(i + 1);
    [lines[i], lines[j]] = [lines[j]!, lines[i]!];
  }
  return [...lines, '', ''].join('\r\n');
}

function bodyOf(c: Chance, length: number): string {
  const word = c.of(BODY_WORDS);
  return word.repeat(Math.ceil(length / word.length)).slice(0, length);
}

/** A body as it is sent, and how much of it has come with so many bytes of that. */
interface Sent {
  bytes: string;
  come(at: number): number;
}

function plainly(body: string): Sent {
  return { bytes: body, come: (at) => Math.max(0, Math.min(at, body.length)) };
}

function inChunks(c: Chance, body: string): Sent {
  let out = '';
  const chunks: { from: number; size: number }[] = [];
  for (let at = 0; at < body.length; ) {
    const size = Math.min(body.length - at, Math.max(c.of(CHUNKS), body.length / 100) | 0);
    const hex = c.of(['', '', '00']) + (c.once(2) ? size.toString(16) : size.toString(16).toUpperCase());
    out += `${hex}${c.of(['', '', ';a=b', ' ; c="d"'])}\r\n`;
    chunks.push({ from: out.length, size });
    out += `${body.slice(at, at + size)}\r\n`;
    at += size;
  }
  const end = `${c.of(['0', '000', '0;e'])}\r\n${c.of(['', '', 'Trailer: x\r\n', 'Content-Length: 7\r\n'])}\r\n`;
  return {
    bytes: out + end,
    come: (at) => chunks.reduce((sum, { from, size }) => sum + Math.max(0, Math.min(at - from, size)), 0),
  };
}

interface Exchange {
  method: string;
  status: number;
  header: string;
  body: Sent;
  response: string;
  requestBytes: number;
  responseBytes: number;
  told: string;
  /** Behind the status, in what is counted. */
  error: string;
  /** Nothing is counted of it. */
  unseen: boolean;
  /** Of the response; before its body. */
  head: number;
  rest: Sent;
  /** Behind its status. */
  statusEnd: number;
}

/** One end leaves in the middle of an exchange: how many bytes it sends before, and what is then to be counted. */
function leave(c: Chance, e: Exchange & { closes: boolean }, asking: boolean, early: boolean): number {
  const length = asking ? e.header.length + e.body.bytes.length : e.response.length;
  // A response's status is known from then on.
  const least = asking ? 1 : e.statusEnd + 1;
  if (early) {
    const left = e.header.length + c.below(e.body.bytes.length);
    e.requestBytes = e.body.come(left - e.header.length);
    e.told += `, the client leaves at ${left} of ${e.header.length}+${e.body.bytes.length}`;
    return left;
  }
  // Often just before the end, which TCP gives a number as if it were a byte.
  const at = c.once(4) ? length - 1 : least + c.below(length - least);
  if (asking) {
    e.unseen = at < e.header.length;
    e.status = 0;
    e.requestBytes = e.body.come(at - e.header.length);
    e.responseBytes = 0;
    e.error = ' error 3';
    e.told += `, the client leaves at ${at} of ${e.header.length}+${e.body.bytes.length}`;
  } else {
    e.told += `, the server leaves at ${at} of ${e.head}+${e.response.length - e.head}`;
    if (!e.closes || at < e.head) e.error = ' error 3';
    e.responseBytes = e.rest.come(at - e.head);
  }
  return at;
}

function exchange(c: Chance, last: boolean): Exchange & { closes: boolean } {
  const method = c.of(c.once(8) ? OTHERS : METHODS);
  const status = c.of(STATUSES);
  const lines = others(c);
  const hasBody = BODIES.has(method) || c.once(10);
  const requestBytes = hasBody ? c.of(LENGTHS) : 0;
  const chunked = hasBody && c.once(2);
  const plain = bodyOf(c, requestBytes);
  if (chunked) lines.push(field(c, 'Transfer-Encoding', c.of(['chunked', 'Chunked', 'gzip, chunked'])));
  else if (hasBody) lines.push(field(c, 'Content-Length', requestBytes));
  const expects = requestBytes > 0 && c.once(6);
  if (expects) lines.push('Expect: 100-continue');
  // A line end before a request is to be ignored.
  const line = `${c.of(['', '', '', '\r\n'])}${method} ${method === 'OPTIONS' ? '*' : c.of(PATHS)} HTTP/1.1\r\n`;
  const header = line + shuffled(c, lines);
  const body = chunked ? inChunks(c, plain) : plainly(plain);

  const length = c.of(LENGTHS);
  const text = bodyOf(c, length);
  const answer = others(c);
  const without = method === 'HEAD' || status === 204 || status === 304;
  const closes = last && !without && c.once(5);
  let rest = plainly('');
  let how = 'no body';
  if (without) {
    if (status !== 204 && c.once(2)) answer.push(field(c, 'Content-Length', length));
  } else if (closes) {
    rest = plainly(text);
    how = 'until the end';
  } else if (c.once(2)) {
    answer.push(field(c, 'Transfer-Encoding', 'chunked'));
    rest = inChunks(c, text);
    how = 'chunks';
  } else {
    answer.push(field(c, 'Content-Length', length));
    rest = plainly(text);
    how = 'length';
  }
  const before = expects
    ? 'HTTP/1.1 100 Continue\r\n\r\n'
    : c.once(10)
      ? 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'
      : '';
  const head = `${before}HTTP/1.${c.of([1, 1, 0])} ${status} ${c.of(['OK', '', 'Some Reason'])}\r\n${shuffled(c, answer)}`;
  return {
    method,
    status,
    header,
    body,
    response: head + rest.bytes,
    head: head.length,
    rest,
    error: '',
    unseen: false,
    statusEnd: before.length + 'HTTP/1.1 200'.length,
    requestBytes,
    responseBytes: without ? 0 : length,
    closes,
    told: `${method} ${requestBytes}${chunked ? ' in chunks' : ''} -> ${status} ${without ? 0 : length} ${how}`,
  };
}

/**
 * The conversation of a seed.
 *
 * @param turns its ends take turns, with one thread each
 * @param leaves one of the ends, as they take turns, leaves in the middle of the last exchange
 */
export function conversation(seed: number, turns = false, leaves = false): Conversation {
  const c = new Chance(seed);
  const [family, deep] = [c.below(3), c.of([1, 1, 2, 4, 8])];
  const count = c.of([1, 1, 2, 3, 5, 8]);
  const exchanges = Array.from({ length: count }, (_, i) => exchange(c, i === count - 1));
  if (c.once(5)) exchanges[0]!.header = c.of(PREFACES) + exchanges[0]!.header;
  const depth = turns ? 0 : deep;
  const end = exchanges.at(-1)!.closes ? 1 : c.below(3);
  const leaver = leaves ? c.of([1, 2]) : 0;
  const last = exchanges.at(-1)!;
  // Whether a client's hook was overtaken, only TCP's numbers tell. Who leaves in a body that was answered, has one.
  const answered = !leaver || (leaver === 1 && last.body.bytes.length > 0 && !last.closes);
  const early = c.once(turns ? 3 : 4) && (turns ? answered : family !== 2);
  const at = leaver ? leave(c, last, leaver === 1, early) : 0;
  const counts: Record<string, Count> = {};
  for (const e of exchanges) {
    if (e.unseen) continue;
    const name = `${METHODS.includes(e.method) ? e.method : 'OTHER'} ${e.status}${e.error}`;
    counts[name] ??= { requests: 0, requestBytes: 0, responseBytes: 0 };
    counts[name].requests++;
    counts[name].requestBytes += e.requestBytes;
    counts[name].responseBytes += e.responseBytes;
  }
  return {
    input: Buffer.concat([
      numbers(family, seed, depth, early ? 1 : 0, end, leaver, at, count),
      ...exchanges.flatMap(({ header, body, response }) => [
        numbers(header.length, body.bytes.length, response.length),
        Buffer.from(header + body.bytes + response, 'latin1'),
      ]),
    ]),
    counts,
    told: `seed ${seed}: ${FAMILIES[family]}, ${turns ? 'in turns' : `${depth} at once`}${early ? ', answered early' : ''}, end ${end}: ${exchanges.map(({ told }) => told).join(', ')}`,
  };
}

function numbers(...list: number[]): Buffer {
  const bytes = Buffer.alloc(4 * list.length);
  list.forEach((n, i) => {
    bytes.writeUInt32LE(n >>> 0, 4 * i);
  });
  return bytes;
}
