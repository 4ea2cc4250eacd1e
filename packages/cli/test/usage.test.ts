import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { catalogue } from '../src/catalogue.ts';
import { ExitCode } from '../src/exit-codes.ts';
import { buildProgram, loadCommand } from '../src/program.ts';
import { main, Sandbox } from './harness.ts';
import { inTerminal } from './terminal.ts';

test('skep alone and skep --help show every command and exit code', async () => {
  using box = new Sandbox();
  const help = await box.ok(['--help']);
  assert.equal(await box.ok([]), help);
  assert.equal(await box.ok(['help']), help);
  for (const { name, hidden } of catalogue) assert.equal(help.includes(`\n  ${name}`), !hidden, name);
  for (const code of Object.values(ExitCode)) assert.match(help, new RegExp(`\\n  ${code} `));
  assert.ok(help.split('\n').every((line) => line.length <= 110));
});

test('every command teaches with an example', async () => {
  using box = new Sandbox();
  for (const { name, aliases } of catalogue.filter((c) => !c.hidden)) {
    const help = await box.ok([name, '--help']);
    assert.match(help, /\nExamples:\n {2}(sudo )?skep /, name);
    assert.equal(await box.ok(['help', name]), help, name);
    for (const alias of aliases)
      assert.match(await box.ok([alias, '--help']), new RegExp(`Usage: skep ${name}`));
  }
});

test('a wrong command line says what was meant and exits 2', async () => {
  using box = new Sandbox();
  await box.fails(2, /unknown command 'buidl'\n {2}Did you mean build\?/, ['buidl', 'x.c']);
  await box.fails(2, /unknown command 'nosuch'/, ['help', 'nosuch']);
  await box.fails(2, /unknown command 'history'\n {2}skep inspect IMAGE/, ['history', 'x:1']);
  await box.fails(2, /unknown command 'image'\n {2}Here these are commands of their own/, ['image', 'ls']);
  await box.fails(2, /unknown option '--formt'\n {2}Did you mean --format\?/, ['list', '--formt', 'x']);
  await box.fails(2, /missing required argument 'reference'/, ['push']);
  await box.fails(2, /too many arguments/, ['version', 'x']);
  await box.fails(2, /argument missing/, ['list', '--format']);
  await box.fails(2, /Allowed choices are/, ['run', 'x', '--pull', 'sometimes']);
  const { code } = await box.skep(['-v']);
  assert.equal(code, 2);
});

test('shared flags work before and after the command', async () => {
  using box = new Sandbox();
  const store = box.path('elsewhere');
  assert.equal(await box.ok(['--storage', store, 'list', '-q']), '');
  assert.equal(await box.ok(['list', '-q', '--storage', store]), '');
  await box.fails(3, /no image "x:1"/, ['tag', 'x:1', 'y:1', '--storage', store]);
});

test('version: plain, quiet, json, template', async () => {
  using box = new Sandbox();
  const quiet = await box.ok(['version', '-q']);
  assert.match(quiet, /^\d+\.\d+\.\d+\n$/);
  assert.equal(await box.ok(['--version']), `skep ${quiet}`);
  assert.equal(`${JSON.parse(await box.ok(['version', '--format', 'json'])).Version}\n`, quiet);
  assert.equal(await box.ok(['version', '--format', '{{.Version}}']), quiet);
  await box.fails(2, /no field 'Vresion'; there are Version/, ['version', '--format', '{{.Vresion}}']);
});

test('a reader that leaves ends skep quietly', async () => {
  using box = new Sandbox();
  const main = join(import.meta.dirname, '../src/main.ts');
  const child = spawn(process.execPath, [main, '--help'], {
    env: box.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  const stderr: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk.toString()));
  const [code] = await once(child, 'close');
  assert.deepEqual([code, stderr.join('')], [0, '']);
});

test('a standard output that is closed or full is told, and fails', () => {
  using box = new Sandbox();
  const launcher = join(import.meta.dirname, '../../../bin/skep');
  const run = (words: string) =>
    spawnSync('sh', ['-c', `"$0" ${words}`, launcher], { env: box.env, encoding: 'utf8' });
  for (const command of ['version', 'list', '--help']) {
    const { status, stderr } = run(`${command} >&-`);
    assert.deepEqual([status, stderr.split('\n')[0]], [1, 'skep: standard output: is not open'], command);
  }
  const full = run('version >/dev/full');
  assert.deepEqual(
    [full.status, full.stderr.split('\n')[0]],
    [1, 'skep: standard output: no space left on the disk'],
  );
  assert.equal(run('version >/dev/null <&- 2>&-').status, 0);
});

test('an error that cannot be told is one all the same', () => {
  using box = new Sandbox();
  const launcher = join(import.meta.dirname, '../../../bin/skep');
  for (const to of ['2>/dev/full', '2>&1 >/dev/null | :'])
    assert.equal(
      spawnSync('bash', ['-c', `"$0" nosuch ${to}; exit \${PIPESTATUS[0]}`, launcher], { env: box.env })
        .status,
      2,
      to,
    );
});

test('a flag that can be given and refused is neither until somebody says so', async () => {
  const command = buildProgram().commands.find((c) => c.name() === 'agent')!;
  await loadCommand(command);
  assert.deepEqual([command.getOptionValue('socket'), command.getOptionValue('tty')], [undefined, true]);
  command.parseOptions(['--no-socket']);
  assert.equal(command.getOptionValue('socket'), false);
});

test('help breaks between words where the terminal is narrow', async () => {
  using box = new Sandbox();
  for (const words of [['prune', '--help'], ['--help']]) {
    using screen = inTerminal(box, words, 'dumb', 60);
    const shown = (await screen.until('code 0')).split('\n').map((line) => line.trim());
    const help = (await box.ok(words)).split(/\s+/);
    const known = new Set([...help, 'code', '0', '']);
    for (const word of shown.join(' ').split(/\s+/)) assert.ok(known.has(word), `${words}: "${word}" is cut`);
  }
});

test('somebody whom the machine does not know, without HOME, is served all the same', {
  skip: process.getuid?.() === 0 ? false : 'becoming somebody else needs root',
}, () => {
  // A service's user, or a container's.
  const nobody = { uid: 54_321, gid: 54_321, encoding: 'utf8' as const };
  const env = { PATH: process.env.PATH, SKEP_STORAGE: '/nonexistent/store' };
  const asked = spawnSync(process.execPath, [main, 'list', '-q'], { ...nobody, env });
  assert.deepEqual([asked.status, asked.stderr], [0, '']);
  // Where its images would be, it may not write.
  const made = spawnSync(process.execPath, [main, 'tag', 'x:1', 'y:1'], {
    ...nobody,
    env: { PATH: env.PATH },
  });
  assert.match(made.stderr, /no image "x:1"/);
});
