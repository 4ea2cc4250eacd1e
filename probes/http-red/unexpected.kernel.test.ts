/** Bodies and responses that come when, or how, none is expected. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { nativeFixture } from '../../test/support/fixtures.ts';
import { runIn, runWith, testCgroup } from '../support/cgroup.ts';
import { skip } from '../support/skip.ts';
import { type Watched, watch } from '../support/watch.ts';
import { GET, late, lateBodies, OK, program, words } from './cases.ts';
import { counted, Lost, lostFor } from './counted.ts';

/** What was counted: `role method status: how many`. */
function requestsOf(watched: Watched): string[] {
  const rows = watched.series('hist_http_requests');
  return rows
    .map(({ labels: { role, method, status }, value }) => `${role} ${method} ${status}: ${value}`)
    .sort();
}

const short =
  process.env.SKEP_GUEST !== undefined &&
  process.env.SKEP_LONG !== '1' &&
  'the probe would be loaded six times more; SKEP_LONG=1 runs it';

test('of a body counts what comes, behind the response too, not what was announced to who refused it', {
  skip: skip || short,
}, async () => {
  const bodies: Record<string, number> = {};
  using cgroup = testCgroup();
  await watch(
    'http-red',
    { target_cgroup: cgroup.path },
    async () => void (await runWith(cgroup, late.map(([talk]) => words(talk)).join(''), program)),
    {},
    (run) => {
      for (const [end, counts] of counted(run)) {
        const role = end.split(' ')[1]!;
        for (const { requestBytes } of Object.values(counts))
          bodies[role] = (bodies[role] ?? 0) + requestBytes;
      }
    },
  );
  deepStrictEqual(bodies, { server: lateBodies, client: lateBodies });
});

test('a response whose end went past the hooks is counted when nothing more is to be read, not with the next request', {
  skip: skip || short,
}, async () => {
  using cgroup = testCgroup();
  const requests: number[] = [];
  let talking: ChildProcess | undefined;
  try {
    await watch(
      'http-red',
      { target_cgroup: cgroup.path },
      async () => {
        const said = ['tcp4', 'write', 'rest', '0', '3', GET, OK, 'idle'];
        const enter = `${cgroup.enter} && exec "$@"`;
        talking = spawn('sh', ['-c', enter, 'sh', program, ...said], { stdio: ['pipe', 'pipe', 'inherit'] });
        await once(talking.stdout!, 'data');
      },
      {},
      (run) => {
        for (const { data, value } of run.series) {
          const { role } = data as { role: string };
          requests[role === 'HTTP_SERVER' ? 0 : 1] = Number(value);
        }
      },
    );
  } finally {
    talking?.stdin?.end();
  }
  deepStrictEqual(requests, [3, 3]);
});

/** Behind each the next response is told apart: more than a signed number of TCP's holds, and more than any. */
const VAST = [2_200_000_000, 4_500_000_000];

test('of a body of gigabytes that is spliced the end is told, and what comes behind it', {
  skip: skip || short,
}, async () => {
  const spliced = await nativeFixture(new URL('../../test/support/spliced.native.c', import.meta.url));
  using cgroup = testCgroup();
  const counts: string[] = [];
  await watch(
    'http-red',
    { target_cgroup: cgroup.path },
    async () => {
      for (const length of VAST) strictEqual(await runIn(cgroup, spliced, `${length}`), 'spliced\n');
    },
    {},
    (run) => {
      for (const [end, seen] of counted(run))
        for (const [name, { requests, responseBytes }] of Object.entries(seen))
          counts.push(`${end.split(' ')[1]} ${name}: ${requests}, ${responseBytes}`);
    },
  );
  deepStrictEqual(
    counts.sort(),
    ['client', 'server'].flatMap((end) => VAST.map((length) => `${end} GET 200: 2, ${length}`)),
  );
});

test('what a server says unasked, of requests that do not come, is no response that has lost its own', {
  skip: skip || short,
}, async () => {
  for (const [family, status, lost] of [
    ['tcp4', 408, 0],
    ['tcp4', 400, 0],
    ['unix', 400, 0],
    ['tcp4', 200, 2],
  ] as const) {
    using cgroup = testCgroup();
    let alone = 0;
    const unasked = `HTTP/1.1 ${status} X\r\nContent-Length: 2\r\n\r\nno`;
    const watched = await watch(
      'http-red',
      { target_cgroup: cgroup.path },
      async () => ok(await runIn(cgroup, program, family, 'write', 'read', '0', '1', '', unasked)),
      {},
      (run) => {
        alone = lostFor(run, Lost.alone);
      },
    );
    strictEqual(alone, lost, `${family} ${status}`);
    deepStrictEqual(watched.series('hist_http_requests'), []);
  }
});

/** A server that answers whoever connects, and reads then, as `printf … | nc -l` does; and three clients, one after another. */
const ANSWERS_FIRST = `
  use Socket;
  socket(my $listener, AF_INET, SOCK_STREAM, 0);
  bind($listener, sockaddr_in(0, INADDR_LOOPBACK)) && listen($listener, 3) or die $!;
  for (1 .. 3) {
    my $client = fork;
    if (!$client) {
      socket(my $s, AF_INET, SOCK_STREAM, 0);
      connect($s, getsockname($listener)) or die $!;
      syswrite($s, "GET /first HTTP/1.1\\r\\n\\r\\n");
      sysread($s, my $answer, 1024) or die $!;
      exit;
    }
    accept(my $connection, $listener);
    syswrite($connection, "HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok");
    sysread($connection, my $request, 1024) or die $!;
    close($connection);
    waitpid($client, 0);
    die if $?;
  }
  print "answered";`;

test('what a server says before it reads is the answer to what it reads then', {
  skip: skip || short,
}, async () => {
  using cgroup = testCgroup();
  let alone = 0;
  const watched = await watch(
    'http-red',
    { target_cgroup: cgroup.path },
    async () => strictEqual(await runIn(cgroup, 'perl', '-e', ANSWERS_FIRST), 'answered'),
    {},
    (run) => {
      alone = lostFor(run, Lost.alone);
    },
  );
  strictEqual(alone, 0);
  const each = ['HTTP_CLIENT', 'HTTP_SERVER'].flatMap((role) => Array(3).fill(`${role} HTTP_GET 200: 1`));
  deepStrictEqual(requestsOf(watched), each);
});

/** Both ends of a connection: $client and $server. */
const PAIR = `
  use Socket;
  socket(my $listener, AF_INET, SOCK_STREAM, 0);
  bind($listener, sockaddr_in(0, INADDR_LOOPBACK)) && listen($listener, 1) or die $!;
  socket(my $client, AF_INET, SOCK_STREAM, 0);
  connect($client, getsockname($listener)) or die $!;
  accept(my $server, $listener);`;

/** They say in turns what is given; a client says nothing for ''. */
const TURNS = `${PAIR}
  while (my ($asked, $answer) = splice(@ARGV, 0, 2)) {
    syswrite($client, $asked) && sysread($server, my $read, 1024) or die $! if length $asked;
    syswrite($server, $answer) && sysread($client, my $read, 1024) or die $!;
  }
  print "answered";`;

const refused400 = 'HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno';
const hello = '\x16\x03\x01\x02\x05\x01';

test('who refuses what is no HTTP/1, and keeps the connection, is seen to answer what comes then', {
  skip: skip || short,
}, async () => {
  using cgroup = testCgroup();
  const turns = ['\x16\x03\x01hello\r\n\r\n', refused400, ...Array(3).fill([GET, OK]).flat()];
  const watched = await watch('http-red', { target_cgroup: cgroup.path }, async () =>
    strictEqual(await runIn(cgroup, 'perl', '-e', TURNS, ...turns), 'answered'),
  );
  deepStrictEqual(requestsOf(watched), [
    'HTTP_CLIENT HTTP_GET 200: 3',
    'HTTP_CLIENT HTTP_OTHER 400: 1',
    'HTTP_SERVER HTTP_GET 200: 3',
    'HTTP_SERVER HTTP_OTHER 400: 1',
  ]);
});

test('who asks for no byte is told of no end: a body that ends with its connection goes on', {
  skip: skip || short,
}, async () => {
  using cgroup = testCgroup();
  const bodies: string[] = [];
  const talk = `${PAIR}
    syswrite($client, "GET /next HTTP/1.1\r\n\r\n") && sysread($server, my $request, 1024) or die $!;
    syswrite($server, "HTTP/1.1 200 OK\r\n\r\nhello") && sysread($client, my $response, 1024) or die $!;
    syswrite($server, " world");
    defined recv($client, my $nothing, 0, 0) or die $!;
    sysread($client, my $rest, 6) == 6 or die;
    close($server);
    sysread($client, $rest, 1) == 0 or die;
    print "said";`;
  await watch(
    'http-red',
    { target_cgroup: cgroup.path },
    async () => strictEqual(await runIn(cgroup, 'perl', '-e', talk), 'said'),
    {},
    (run) => {
      for (const [end, counts] of counted(run))
        for (const [name, { responseBytes }] of Object.entries(counts))
          bodies.push(`${end.split(' ')[1]} ${name}: ${responseBytes}`);
    },
  );
  deepStrictEqual(bodies.sort(), ['client GET 200: 11', 'server GET 200: 11']);
});

test('what is no HTTP/1, and is refused in HTTP/1, is a request of no method and no path', {
  skip: skip || short,
}, async () => {
  using cgroup = testCgroup();
  const whole = hello.padEnd(517, '\xaa');
  let lost = 0;
  const watched = await watch(
    'http-red',
    { target_cgroup: cgroup.path },
    async () => {
      // All at once, and of what came the beginning only, as of a long hello that is read into a short buffer.
      ok(await runIn(cgroup, program, 'tcp4', 'write', 'read', '0', '1', whole, refused400));
      const turns = [hello.padEnd(3000, '\xaa'), refused400];
      strictEqual(await runIn(cgroup, 'perl', '-e', TURNS, ...turns), 'answered');
      // Nobody says anything in HTTP/1: nothing is counted of it.
      ok(await runIn(cgroup, program, 'tcp6', 'write', 'read', '0', '3', whole, 'SSH-2.0-x'));
    },
    {},
    (run) => {
      lost = lostFor(run, Lost.alone) + lostFor(run, Lost.format);
    },
  );
  strictEqual(lost, 0);
  const each = ['HTTP_CLIENT', 'HTTP_SERVER'].flatMap((role) => Array(2).fill(`${role} HTTP_OTHER 400: 1`));
  deepStrictEqual(requestsOf(watched), each);
});

const asked = (request: string, response: string, count: number) => [request, response, count] as const;

test('what a client says between requests costs none of them, and is one when it is refused', {
  skip: skip || short,
}, async () => {
  using cgroup = testCgroup();
  const talks = [
    // A body that no header told of, and one that is longer than told; what is meant for the tunnel, before that stands.
    asked('POST /a HTTP/1.1\r\n\r\nuser=1&name=2', OK, 3),
    asked('PUT /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n{"a":1}', OK, 3),
    asked(`CONNECT a:443 HTTP/1.1\r\n\r\n${hello}`, 'HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n', 3),
    asked(`CONNECT a:443 HTTP/1.1\r\n\r\n${hello}`, 'HTTP/1.1 200 OK\r\n\r\n', 1),
    // Chunks that are none, of a request: what came of its body counts.
    asked('PATCH /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nnone', refused400, 3),
    asked('DELETE /a HTTP/1.1\r\n\r\n{"id":12}', OK + refused400, 3),
  ];
  const found = new Map<string, number[]>();
  let lost = 0;
  await watch(
    'http-red',
    { target_cgroup: cgroup.path, by_route: 'false' },
    async () => {
      for (const [request, response, count] of talks)
        ok(await runIn(cgroup, program, 'tcp4', 'write', 'read', '0', String(count), request, response));
    },
    {},
    (run) => {
      lost = lostFor(run, Lost.format) + lostFor(run, Lost.alone);
      for (const [end, counts] of counted(run))
        for (const [name, { requests, requestBytes }] of Object.entries(counts)) {
          const key = `${end.split(' ')[1]} ${name}`;
          const [before = 0, bytes = 0] = found.get(key) ?? [];
          found.set(key, [before + requests, bytes + requestBytes]);
        }
    },
  );
  const each = {
    'POST 200': [3, 0],
    'PUT 200': [3, 6],
    'CONNECT 407': [3, 0],
    'CONNECT 200': [1, 0],
    'PATCH 400': [3, 9],
    'OTHER 400': [3, 0],
    'DELETE 200': [3, 0],
  };
  const both = ['server', 'client'].flatMap((role) =>
    Object.entries(each).map(([name, count]) => [`${role} ${name}`, count] as const),
  );
  deepStrictEqual(new Map([...found].sort()), new Map(both.sort()));
  strictEqual(lost, 0);
});

test('messages are found behind what is none, and has no line end, and behind its refusal', {
  skip: skip || short,
}, async () => {
  using cgroup = testCgroup();
  let lost = 0;
  const watched = await watch(
    'http-red',
    { target_cgroup: cgroup.path },
    async () => {
      for (const turns of [
        ['', 'Welcome to this server', GET, OK],
        ['', 'HTTP/1.1 200 OK\r\n', GET, 'Content-Length: 2\r\n\r\nok'],
        [hello, refused400, GET, OK],
      ])
        strictEqual(await runIn(cgroup, 'perl', '-e', TURNS, ...turns), 'answered');
    },
    {},
    (run) => {
      lost = lostFor(run, Lost.format) + lostFor(run, Lost.alone);
    },
  );
  strictEqual(lost, 0);
  deepStrictEqual(
    requestsOf(watched),
    ['CLIENT', 'SERVER'].flatMap((role) =>
      ['GET 200', 'GET 200', 'GET 200', 'OTHER 400'].map((request) => `HTTP_${role} HTTP_${request}: 1`),
    ),
  );
});

test('a response whose chunks are none has its status, and is broken off', {
  skip: skip || short,
}, async () => {
  using cgroup = testCgroup();
  const response = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nno chunk';
  const watched = await watch('http-red', { target_cgroup: cgroup.path, by_route: 'false' }, async () => {
    ok(await runIn(cgroup, program, 'tcp4', 'write', 'read', '0', '1', GET, response));
    // Without a header there is no status, and all of it is body.
    ok(await runIn(cgroup, program, 'tcp4', 'write', 'read', '0', '1', GET, '<p>no header</p>'));
  });
  const rows = watched.series('hist_http_requests').map(({ labels }) => labels);
  deepStrictEqual(rows.map(({ role, status, error }) => `${role} ${status} ${error}`).sort(), [
    'HTTP_CLIENT 0 HTTP_CLOSED',
    'HTTP_CLIENT 200 HTTP_CLOSED',
    'HTTP_SERVER 0 HTTP_CLOSED',
    'HTTP_SERVER 200 HTTP_CLOSED',
  ]);
});

test('of a request that is refused before its header ends the path is told, where that has ended', {
  skip: skip || short,
}, async () => {
  using cgroup = testCgroup();
  const refusal = 'HTTP/1.1 431 X\r\nContent-Length: 2\r\n\r\nno';
  const watched = await watch('http-red', { target_cgroup: cgroup.path }, async () => {
    for (const [path, more] of [
      ['/in/one/window', 'X: y'],
      ['/in/several', `X: ${'y'.repeat(3000)}`],
      [`/${'cut/in/two/'.repeat(60)}`, 'X: y'],
    ])
      ok(
        await runIn(
          cgroup,
          program,
          'tcp4',
          'write',
          'read',
          '0',
          '1',
          `GET ${path} HTTP/1.1\r\n${more}`,
          refusal,
        ),
      );
    ok(await runIn(cgroup, program, 'tcp4', 'write', 'read', '0', '1', 'GET /without/an/end', refusal));
  });
  const texts = watched.records('print_http_paths').map(({ text }) => String(text));
  // Of each end one; what was not told is cut off in the middle.
  deepStrictEqual(texts.map((text) => text.slice(0, 14)).sort(), [
    '/cut/in/two/cu',
    '/in/one/window',
    '/in/several',
  ]);
  const requests = watched.series('hist_http_requests').reduce((sum, { value }) => sum + value, 0);
  strictEqual(requests, 8);
});
