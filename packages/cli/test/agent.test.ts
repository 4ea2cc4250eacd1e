// The command `skep agent` as its users have it: in a process of its own, asked from another, killed and started again.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, statSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { takeInventory } from '@skep/bpf';
import { until } from '../../../test/support/until.ts';
import type { CliError } from '../src/errors.ts';
import { checkPrivileges } from '../src/run/preflight.ts';
import { AgentChild } from './agent-child.ts';
import { main, Sandbox } from './harness.ts';
import { inTerminal } from './terminal.ts';

const box = new Sandbox();
after(() => box[Symbol.dispose]());
const socket = box.path('agent.sock');
const skip = process.getuid?.() === 0 ? false : 'loading BPF needs root';

const SERVER = `
const server = require('node:http').createServer((q, r) => {
  r.statusCode = q.url.startsWith('/fail') ? 500 : 200;
  r.end('x');
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.resume().on('end', () => process.exit());
`;

/** Programs of the agent's probes in the kernel that this process holds. */
function programsOf(pid: number): string[] {
  return takeInventory()
    .programs.filter((p) => p.owners.some((o) => o.pid === pid))
    .map((p) => p.name);
}

suite('skep agent', { skip, timeout: 300_000 }, () => {
  let server: ChildProcess;
  let port: string;
  before(async () => {
    const env = { ...process.env, OTEL_SERVICE_NAME: 'shop' };
    server = spawn(process.execPath, ['-e', SERVER], { stdio: ['pipe', 'pipe', 'inherit'], env });
    const [line] = await once(createInterface({ input: server.stdout! }), 'line');
    port = line;
  });
  after(() => server?.kill('SIGKILL'));
  /** From another process: an agent does not watch itself, and this test is not it. */
  const call = async (path: string): Promise<void> => {
    const curl = spawn('curl', ['-s', `http://127.0.0.1:${port}${path}`], { stdio: 'ignore' });
    await once(curl, 'close');
  };

  test('can be asked, prints spans, and ends with its counts', async () => {
    await using agent = await AgentChild.start(box, '--socket', socket, '--port', port, '--print');
    await call('/users/1');
    await call('/fail');
    await until(
      () => agent.count(),
      (n) => n >= 4,
    );
    const services = JSON.parse(await box.ok(['agent', 'services', '-o', 'json', '--socket', socket]));
    assert.deepEqual(services.map((s: { name: string }) => s.name).toSorted(), ['curl', 'shop']);
    const shop = services.find((s: { name: string }) => s.name === 'shop');
    assert.deepEqual([shop.language, shop.ports, shop.calledBy], ['nodejs', [Number(port)], ['curl']]);
    assert.deepEqual([shop.server.requests, shop.server.errors], [2, 1]);
    assert.match(await box.ok(['agent', 'services', '--socket', socket]), /^shop +nodejs +\d+ /m);
    const traces = JSON.parse(await box.ok(['agent', 'traces', '-o', 'json', '--socket', socket]));
    assert.ok(
      traces.some((t: { status?: number; reason: string }) => t.status === 500 && t.reason === 'error'),
    );
    assert.match(
      await box.ok(['agent', 'traces', '--socket', socket]),
      /shop ← curl {2}GET \/users\/\{id\} 200 /,
    );
    const status = await box.ok(['agent', 'status', '--socket', socket]);
    assert.match(status, new RegExp(`^watches +port ${port}$`, 'm'));
    assert.match(status, /^self-check +passed/m);
    assert.match(status, /^not counted +nothing$/m);
    assert.match(status, /^hook +traffic: \w+$/m);
    assert.equal(statSync(socket).mode & 0o777, 0o600);
    assert.equal(await agent.end('SIGINT'), 0);
    assert.ok(agent.lines.some((line) => / GET \/fail 500 .*\(error\)$/.test(line)));
    assert.match(agent.stderr, /skep agent: 4 requests of 2 services in \d+ s, 0 not counted/);
    assert.equal(existsSync(socket), false);
  });

  test('that is killed leaves nothing in the kernel, and the next one begins at nothing', async () => {
    const first = await AgentChild.start(box, '--socket', socket, '--port', port);
    const { pid } = first;
    await call('/users/1');
    await until(
      () => first.count(),
      (n) => n >= 2,
    );
    assert.ok(programsOf(pid).length > 3);
    const held = new Set(
      takeInventory()
        .programs.filter((p) => p.owners.some((o) => o.pid === pid))
        .map((p) => p.id),
    );
    await first.end('SIGKILL');
    // The kernel frees programs after the last of their runs.
    await until(
      () => takeInventory().programs.some((p) => held.has(p.id)),
      (some) => !some,
    );
    assert.equal(existsSync(socket), true);
    await using second = await AgentChild.start(box, '--socket', socket, '--port', port);
    assert.equal(await second.count(), 0);
    await call('/users/1');
    await until(
      () => second.count(),
      (n) => n >= 2,
    );
    assert.equal(await second.count(), 2);
    const { code, stderr } = await box.skep(['agent', '--socket', socket, '--port', '1', '--no-tty']);
    assert.equal(code, 1);
    assert.match(stderr, /another agent answers at/);
    assert.equal(await second.end('SIGTERM'), 0);
  });

  test('that shows nothing by itself says who shows what it counts', async () => {
    const args = ['agent', '--socket', socket, '--port', port];
    const child = spawn(process.execPath, [main, ...args], {
      env: box.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'close');
    try {
      const [line] = await once(createInterface({ input: child.stderr! }), 'line');
      assert.match(line, /it counts: skep agent services asks it/);
      child.kill('SIGTERM');
      await ended;
      assert.equal(child.exitCode, 0);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('whose log has no room counts on', async () => {
    const full = openSync('/dev/full', 'w');
    const args = ['agent', '--socket', socket, '--port', port, '--no-tty'];
    const child = spawn(process.execPath, [main, ...args], {
      env: box.env,
      stdio: ['ignore', 'ignore', full],
    });
    closeSync(full);
    const ended = once(child, 'close');
    try {
      const ask = () => box.skep(['agent', 'services', '-o', 'json', '--socket', socket]);
      while ((await ask()).code !== 0) assert.equal(child.exitCode, null);
      await call('/users/1');
      while (!(await ask()).stdout.includes('"shop"')) assert.equal(child.exitCode, null);
      child.kill('SIGTERM');
      await ended;
      assert.equal(child.exitCode, 0);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('whose spans have no room where they are printed ends, and says so', async () => {
    const full = openSync('/dev/full', 'w');
    const args = ['agent', '--no-socket', '--prom-listen', '127.0.0.1:0', '--port', port, '--print'];
    const child = spawn(process.execPath, [main, ...args], { env: box.env, stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    const ended = once(child, 'close');
    let stderr = '';
    try {
      for await (const line of createInterface({ input: child.stderr! })) {
        stderr += `${line}\n`;
        if (line.includes('metrics: ')) await call('/users/1');
      }
      await ended;
      assert.equal(child.exitCode, 1);
      assert.match(stderr, /^skep: standard output: no space left on the disk$/m);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('that was started with nohup outlives its terminal', async () => {
    const skep = fileURLToPath(new URL('../../../bin/skep', import.meta.url));
    const args = ['agent', '--no-tty', '--prom-listen', '127.0.0.1:0', '--no-socket', '--port', port];
    for (const [command, words, outlives] of [
      ['nohup', [skep, ...args], true],
      [skep, args, false],
    ] as const) {
      const child = spawn(command, words, { env: box.env, stdio: ['ignore', 'ignore', 'pipe'] });
      const ended = once(child, 'close');
      try {
        for await (const line of createInterface({ input: child.stderr! }))
          if (line.includes('metrics: ')) break;
        // Told twice to end, it ends at once.
        child.kill('SIGHUP');
        child.kill('SIGTERM');
        await ended;
        assert.equal(child.exitCode, outlives ? 0 : 130, command);
      } finally {
        child.kill('SIGKILL');
      }
    }
  });

  test('shows services live', async () => {
    using screen = inTerminal(box, ['agent', '--port', port, '--no-socket']);
    await screen.until(/skep agent +up(?![\s\S]*ATTACHING)[\s\S]*Quit/, 60_000);
    for (let i = 0; i < 5; i++) await call('/users/1');
    await screen.until(/ shop +nodejs +\d+ .*curl/);
    screen.press('2');
    await screen.until(/shop +GET +\/users\/\{id\} +200/);
    screen.press('3');
    await screen.until(/GET +\/users\/\{id\} +200 .*sample/);
    screen.press('q');
    await screen.until(/code 0/);
  });
});

test('asks nobody where no agent is', async () => {
  const { code, stderr } = await box.skep(['agent', 'status', '--socket', box.path('none.sock')]);
  assert.equal(code, 3);
  assert.match(stderr, /no agent answers at .*none\.sock/);
});

test('names what is wrong with its settings before it does anything', async () => {
  writeFileSync(box.path('bad.yaml'), 'watch:\n  prots: [80]\n');
  const { code, stderr } = await box.skep(['agent', '--config', 'bad.yaml']);
  assert.equal(code, 2);
  assert.match(stderr, /bad\.yaml:2: "watch\.prots" is no setting; there are ports, /);
});

test('without the right to load programs, says what to call', () => {
  for (const command of ['agent', 'run oomkill'])
    assert.throws(
      () => checkPrivileges(new Set(), command, false),
      (error: CliError) => error.hint?.startsWith(`sudo skep ${command}\n`),
    );
  // sudo gives a root nothing that its container lacks.
  assert.throws(() => checkPrivileges(new Set(['CAP_BPF']), 'run oomkill', true), {
    hint: 'In a container: --cap-add PERFMON. In a unit: AmbientCapabilities=CAP_PERFMON',
  });
});

test('takes no flag that would do nothing', async () => {
  for (const [words, said] of [
    ['-o json', /^skep: -o json is how an answer is written/],
    ['services --port 80', /^skep: --port is for an agent that is started; "services" asks/],
    ['status --no-tty', /^skep: --no-tty is for an agent that is started/],
  ] as const) {
    const { code, stderr } = await box.skep(['agent', ...words.split(' ')]);
    assert.equal(code, 2, words);
    assert.match(stderr, said);
  }
});
