// The socket that an agent is asked by: what is in its place, and who does not answer.
import { match, rejects, strictEqual } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { absentHint, askAgent } from '../src/control/client.ts';
import { ControlServer } from '../src/control/server.ts';
import { defaultSocket } from '../src/control/socket.ts';

const folder = mkdtempSync(join(tmpdir(), 'skep-control-'));
after(() => rmSync(folder, { recursive: true }));

test('a file that is no socket is left alone', async () => {
  const path = join(folder, 'agent.yaml');
  writeFileSync(path, 'callers: true\n');
  await rejects(
    ControlServer.listen(path, async () => undefined),
    { code: 'SKEP_AGENT_SOCKET' },
  );
  strictEqual(readFileSync(path, 'utf8'), 'callers: true\n');
});

test('a place where no socket can be is said to be one', async () => {
  for (const [path, why] of [
    ['', /it has no name/],
    ['/proc/none/agent.sock', /nothing can be made in \/proc/],
    [join(folder, 'x'.repeat(100)), /107 bytes at most/],
  ] as const)
    await rejects(
      ControlServer.listen(path, async () => undefined),
      { code: 'SKEP_AGENT_SOCKET', message: why },
    );
});

test('a socket that nobody listens at any more is replaced', async () => {
  const path = join(folder, 'agent.sock');
  const first = await ControlServer.listen(path, async () => 'first');
  const left = join(folder, 'left.sock');
  renameSync(path, left);
  await first.close();
  const second = await ControlServer.listen(left, async () => 'second');
  strictEqual(await askAgent('status', left), 'second' as never);
  await second.close();
});

test('an agent that hangs up without an answer is none', async () => {
  const path = join(folder, 'ending.sock');
  const server = createServer((socket) => socket.end()).listen(path);
  await once(server, 'listening');
  await rejects(askAgent('status', path), { code: 'SKEP_AGENT_ABSENT', message: /: it hung up$/ });
  server.close();
});

test('who asks a letter at a time keeps nobody from ending', async () => {
  const path = join(folder, 'slow.sock');
  const server = await ControlServer.listen(path, async () => 'never');
  const socket = connect(path);
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  const trickle = setInterval(() => socket.write(' '), 50);
  await server.close();
  await closed;
  clearInterval(trickle);
});

test('who asks without sudo is told of the agent that was started with it', () => {
  const own = defaultSocket(process.env, 1000);
  match(
    absentHint(own, 1000, () => true),
    /sudo skep agent status/,
  );
  match(
    absentHint(own, 1000, () => false),
    /^Start one/,
  );
  match(
    absentHint('/tmp/other.sock', 1000, () => true),
    /^Start one/,
  );
  match(
    absentHint(defaultSocket(process.env, 0), 0, () => true),
    /^Start one/,
  );
});
