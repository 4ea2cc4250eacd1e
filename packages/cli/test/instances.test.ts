import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { claim, findInstance, listInstances, readInstance, writeFact } from '../src/instances/folder.ts';
import { isRunning, processId } from '../src/instances/process.ts';
import { Sandbox } from './harness.ts';
import { source } from './objects.ts';
import { inTerminal } from './terminal.ts';

const box = new Sandbox();
const isRoot = process.getuid?.() === 0;
const needsRoot = { skip: isRoot ? false : 'loading BPF needs root' };
box.env.SKEP_STATE = box.path('state');
const root = box.path('state', 'instances');
const me = `target_pid=${process.pid}`;
const background = ['--set', me, '--prom-listen', '127.0.0.1:0'];

before(async () => {
  chmodSync(box.dir, 0o755);
  writeFileSync(box.path('calls.c'), source);
  await box.ok(['build', 'calls.c', 'calls:1']);
  await box.ok(['tag', 'calls:1', 'calls:2']);
});
after(async () => {
  for (const { name } of listInstances(root)) await box.skep(['rm', '-f', name]);
  box[Symbol.dispose]();
});

function callUmask(times: number): void {
  for (let i = 0; i < times; i++) process.umask(0o22);
}

interface Listed {
  ID: string;
  Name: string;
  State: string;
  Status: string;
  ExitCode: number | null;
  Metrics: string;
  Pid: number;
}

async function ps(...flags: string[]): Promise<Listed[]> {
  const text = await box.ok(['ps', ...flags]);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Listed);
}

test('two probes in the background: seen, asked, attached to, stopped, taken away', needsRoot, async () => {
  const id = (
    await box.ok(['run', '-d', '--name', 'both', '-l', 'env=prod', ...background, 'calls:1', 'calls:2'])
  ).trim();
  assert.match(id, /^[0-9a-f]{64}$/);
  callUmask(5);
  const [row] = await ps('--filter', 'label=env=prod');
  assert.deepEqual(
    { id: row?.ID, name: row?.Name, state: row?.State },
    { id: id.slice(0, 12), name: 'both', state: 'running' },
  );
  // Attached, it has no right left that reading does not need.
  const status = readFileSync(`/proc/${row!.Pid}/status`, 'utf8');
  assert.match(status, /^CapPrm:\s*0{16}\n/m);
  assert.match(status, /^NoNewPrivs:\s*1\nSeccomp:\s*2\n/m);
  assert.equal(statSync(root).mode & 0o777, 0o700);
  assert.deepEqual(await ps('--filter', 'label=env=test'), []);
  const metrics = await (await fetch(row!.Metrics)).text();
  assert.match(metrics, new RegExp(`^skep_calls_total\\{probe="calls:2",pid="${process.pid}"\\} 5$`, 'm'));

  // The live view comes and goes, the run goes on.
  using screen = inTerminal(box, ['attach', 'both']);
  await screen.until(/calls:1: 1 counter_calls@calls:1/);
  assert.equal(readInstance(`${root}/both`)?.state, 'running');
  screen.press('q');
  await screen.until(/both goes on\s+code 0/);

  const stats = JSON.parse(await box.ok(['stats', '--no-stream', 'both']));
  assert.deepEqual([stats.Name, stats.Events, stats.Lost, stats.Series], ['both', 10, 0, 2]);
  assert.ok(stats.MemoryBytes > 1e6 && stats.Seconds > 0);

  await box.fails(1, /the instance "both" is running/, ['rm', 'both']);
  // Nor does its image go, by its name or with all names of its digest; another name of it does.
  const digest = (await box.ok(['list', '-q', '--no-trunc'])).trim();
  await box.ok(['tag', 'calls:1', 'calls:3']);
  const kept = await box.fails(1, /the instance "both" runs calls:2/, ['rm', 'calls:2', 'calls:3']);
  assert.equal(kept.stdout, 'Untagged: calls:3\n');
  for (const word of [digest, digest.slice(7, 19)])
    await box.fails(1, /the instance "both" runs/, ['rm', word]);
  await box.ok(['tag', 'calls:1', 'calls:4']);
  assert.equal(await box.ok(['rm', '-f', 'calls:2']), 'Untagged: calls:2\n');
  await box.ok(['tag', 'calls:4', 'calls:2']);
  await box.ok(['rm', 'calls:4']);
  assert.equal(await box.ok(['stop', 'both', '-t', '20']), 'both\n');
  assert.equal(await box.ok(['stop', 'both']), 'both\n', 'it has ended already');
  assert.deepEqual(await ps(), []);
  const [ended] = await ps('-a');
  assert.deepEqual([ended?.State, ended?.ExitCode], ['exited', 0]);
  assert.match(ended!.Status, /^Exited \(0\) /);
  const logs = await box.skep(['logs', '--tail', '4', id.slice(0, 6)]);
  assert.match(logs.stderr, /calls:1 \+ calls:2: .*\n {2}calls:1: 5 events, 0 lost/);
  const all = (await box.skep(['logs', 'both'])).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const events = all.filter((e) => e.map === 'print_events@calls:2');
  assert.deepEqual(
    events.map((e) => [e.probe, e.data.calls]),
    [1, 2, 3, 4, 5].map((n) => ['calls:2', n]),
  );
  assert.equal(await box.ok(['rm', 'both']), 'both\n');
  assert.deepEqual(await ps('-a'), []);
});

test(
  'of two who want a name at once one gets it; who is killed is dead; nobody else may ask',
  needsRoot,
  async () => {
    const args = ['run', '-d', '--name', 'one', ...background, 'calls:1'];
    const [a, b] = await Promise.all([box.skep(args), box.skep(args)]);
    assert.deepEqual([a.code, b.code].sort(), [0, 1], a.stderr + b.stderr);
    assert.match(a.stderr + b.stderr, /the name "one" is in use/);
    assert.equal(listInstances(root).length, 1);
    const instance = findInstance('one', root);

    // The folder keeps others away from the socket.
    process.seteuid!(65534);
    const refused = await new Promise<string | undefined>((resolve) => {
      connect(`${instance.folder}/control.sock`)
        .once('error', (e: NodeJS.ErrnoException) => resolve(e.code))
        .once('connect', () => resolve('connected'));
    }).finally(() => process.seteuid!(0));
    assert.equal(refused, 'EACCES');

    for (const line of [
      '{"ask":"attach"',
      '"attach"',
      'null',
      '{"ask":"dance"}',
      '{"ask":"attach"}\nnot JSON',
    ]) {
      const said = await new Promise<string>((resolve, reject) => {
        const socket = connect(`${instance.folder}/control.sock`);
        let heard = '';
        socket.on('data', (chunk) => {
          heard += chunk;
        });
        socket.once('error', reject).once('close', () => resolve(heard));
        socket.write(`${line}\n`);
      });
      if (!line.endsWith('JSON')) assert.match(said, /^\{"error":"it understands .*\}\n$/, line);
    }
    assert.equal(readInstance(instance.folder)?.state, 'running', 'whatever it is told');

    const { process: id } = instance.running!;
    process.kill(id.pid, 'SIGKILL');
    while (isRunning(id)) await new Promise((resolve) => setImmediate(resolve));
    const [dead] = await ps('-a');
    assert.deepEqual([dead?.State, dead?.Status], ['dead', 'Dead (killed or crashed)']);
    await box.fails(1, /instance "one" is not running \(dead\)/, ['stats', '--no-stream', 'one']);

    // What is wrong with one is said, and keeps nobody from the others.
    const other = `${root}/other`;
    mkdirSync(other);
    writeFileSync(`${other}/instance.json`, '{"id":');
    const listed = await box.skep(['ps', '-a']);
    const states = listed.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as Listed).State);
    assert.deepEqual([listed.code, states], [0, ['dead', 'damaged']]);
    assert.match(listed.stderr, /other\/instance\.json is damaged\n {2}skep rm -f other takes/);
    await box.fails(1, /other\/instance\.json is damaged/, ['logs', 'other']);
    await box.fails(1, /other\/instance\.json is damaged/, ['rm', 'other']);
    assert.equal(await box.ok(['rm', '-f', 'other']), 'other\n');
    assert.ok(!existsSync(other));
    for (const text of ['', 'null', '5']) {
      writeFileSync(`${instance.folder}/ended.json`, text);
      assert.equal(readInstance(instance.folder)?.state, 'damaged', text);
    }
    rmSync(`${instance.folder}/ended.json`);

    // Another process that has its number now.
    const file = `${instance.folder}/running.json`;
    const facts = JSON.parse(readFileSync(file, 'utf8'));
    const write = (change: object) =>
      writeFileSync(file, JSON.stringify({ ...facts, process: { ...facts.process, ...change } }));
    write({ pid: process.pid });
    assert.equal(readInstance(instance.folder)?.state, 'dead', 'our pid, but not our start');
    assert.equal(await box.ok(['rm', 'one']), 'one\n');
  },
);

test(
  'after a reboot nothing runs, whoever has the numbers of then, and nobody is signalled',
  needsRoot,
  async () => {
    const sleeper = spawn('sleep', ['600'], { stdio: 'ignore' });
    const ended = once(sleeper, 'exit');
    try {
      // Its number and its start: that it is of another boot is all that tells it from the instance's own process.
      const then = { ...processId(sleeper.pid!), bootId: '00000000-0000-0000-0000-000000000000' };
      const leave = (name: string, damage = false) => {
        const about = {
          programs: ['calls:1'],
          labels: {},
          remove: false,
          createdAt: new Date().toISOString(),
        };
        const { folder } = claim({ ...about, launcher: then }, { name, like: name }, root);
        return {
          folder,
          attached: () => {
            writeFact(folder, 'running.json', { process: then, startedAt: about.createdAt });
            if (damage) writeFileSync(join(folder, 'instance.json'), '{"id":');
          },
        };
      };
      const lost = leave('lost');
      for (const when of ['while it was started', 'while it ran'] as const) {
        if (when === 'while it ran') lost.attached();
        const { state, lostBy } = readInstance(lost.folder)!;
        assert.deepEqual([state, lostBy], ['dead', 'reboot'], when);
        assert.deepEqual(await ps(), [], when);
        const [row] = await ps('-a');
        assert.deepEqual([row?.Name, row?.State, row?.Status], ['lost', 'dead', 'Dead (reboot)'], when);
        assert.equal(await box.ok(['stop', 'lost', '-t', '0']), 'lost\n', when);
      }
      await box.fails(1, /instance "lost" is not running \(dead\)/, ['stats', '--no-stream', 'lost']);
      assert.equal(await box.ok(['logs', 'lost']), '');
      await box.fails(1, /the name "lost" is in use.*\n {2}skep rm lost/, [
        'run',
        '-d',
        '--name',
        'lost',
        'calls:1',
      ]);
      assert.equal(await box.ok(['rm', 'lost']), 'lost\n');
      await box.ok(['run', '-d', '--name', 'lost', ...background, 'calls:1']);
      assert.equal(findInstance('lost', root).state, 'running');
      await box.ok(['rm', '-f', 'lost']);
      // Nor by who takes away what is left of one that lost power while it wrote.
      leave('torn', true).attached();
      assert.equal(await box.ok(['rm', '-f', 'torn']), 'torn\n');
      assert.deepEqual(await ps('-a'), []);
      assert.deepEqual([sleeper.exitCode, sleeper.signalCode], [null, null]);
    } finally {
      sleeper.kill('SIGKILL');
      await ended;
    }
  },
);

test(
  'words behind -- are the probe’s, in the background too; one that goes with its end is left quietly',
  needsRoot,
  async () => {
    await box.ok([
      'run',
      '-d',
      '--name',
      'brief',
      '--rm',
      '--no-prom',
      'calls:1',
      '--',
      '--target-pid',
      String(process.pid),
    ]);
    using screen = inTerminal(box, ['attach', 'brief']);
    await screen.until(/calls:1|counter_calls/);
    assert.equal(await box.ok(['stop', 'brief']), 'brief\n');
    await screen.until(/brief has ended\s+code 0/);
    assert.deepEqual(await ps('-a'), []);
  },
);

test('ps -n and -l: the newest, those that have ended too', async () => {
  using own = new Sandbox();
  own.env.SKEP_STATE = own.path('state');
  const gone = { pid: 1, startTime: 1, bootId: 'an earlier one' };
  for (const name of ['a', 'b', 'c'])
    claim(
      {
        labels: {},
        programs: ['x:1'],
        createdAt: `2026-01-01T00:00:0${name.charCodeAt(0) - 96}Z`,
        remove: false,
        launcher: gone,
      },
      { name, like: '' },
      own.path('state', 'instances'),
    );
  const names = (...flags: string[]) => own.ok(['ps', '--format', '{{.Name}}', ...flags]);
  assert.equal(await names(), '');
  assert.equal(await names('-l'), 'c\n');
  assert.equal(await names('-n', '2'), 'c\nb\n');
  assert.equal(await names('--last', '9', '--filter', 'name=a'), 'a\n');
  await own.fails(2, /--last: "x" is not a whole number/, ['ps', '-n', 'x']);
  await own.fails(2, /no status "up"\n {2}There are created, running/, ['ps', '--filter', 'status=up']);
  await own.fails(3, /no image "a" .* but an instance\n {2}skep ps -a --filter name=a/, ['inspect', 'a']);
  assert.equal(
    await own.ok(['logs', '--since', '1700000000', 'a']),
    '',
    'seconds since 1970, as docker has it',
  );
});

test('one that goes with its end goes also when it is killed', needsRoot, async () => {
  await box.ok(['run', '-d', '--rm', '--name', 'brief', ...background, 'calls:1']);
  assert.equal(await box.ok(['stop', '-t', '0', 'brief']), 'brief\n');
  assert.deepEqual(await ps('-a', '--filter', 'name=brief'), []);
});

test('what does not start leaves nothing, and says why with its exit code', needsRoot, async () => {
  await box.fails(2, /there is no parameter "nosuch"/, ['run', '-d', '--set', 'nosuch=1', 'calls:1']);
  await box.fails(3, /no image "none:1"/, ['run', '-d', '--pull', 'never', 'calls:1', 'none:1']);
  assert.deepEqual(listInstances(root), []);
  assert.ok(!existsSync(`${root}/calls`));
  await box.fails(2, /for what runs in the background/, ['run', '--name', 'x', 'calls:1']);
  await box.fails(2, /"no name" is no name/, ['run', '-d', '--name', 'no name', 'calls:1']);
  await box.fails(3, /there is no instance "gone"/, ['logs', 'gone']);
  await box.fails(2, /"calls:1" is named twice/, ['run', 'calls:1', 'calls:1']);
});
