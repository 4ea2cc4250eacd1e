import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Sandbox } from './harness.ts';

const all = ['-l', 'C', '--program-type', 'Network', '-m', 'RingBuffer', '-o', 'print'];

test('with every flag: a program that builds', async () => {
  using box = new Sandbox();
  assert.equal(await box.ok(['init', 'hello.c', ...all]), 'hello.c\n');
  assert.equal(await box.ok(['build', 'hello.c']), 'hello.o\n');
  await box.ok([
    'init',
    '-f',
    'other.c',
    '-l',
    'c',
    '--program-type',
    'file-system',
    '-m',
    'hash-map',
    '-o',
    'counter',
  ]);
  assert.ok(existsSync(box.path('other.c')));
});

test('in a pipe what is missing is named with the choices; nothing is overwritten', async () => {
  using box = new Sandbox();
  const { stderr } = await box.fails(2, /--map, --output-type not given/, [
    'init',
    'x.c',
    ...all.slice(0, 4),
  ]);
  assert.match(stderr, /--map RingBuffer\|HashMap\|PerfBuffer/);
  await box.fails(2, /the file to write/, ['init', ...all]);
  await box.fails(2, /"Rust"/, ['init', 'x.c', '-l', 'Rust']);
  writeFileSync(box.path('mine.c'), 'mine');
  await box.fails(2, /mine\.c exists already\n {2}.*--force/, ['init', 'mine.c', ...all]);
  assert.equal(readFileSync(box.path('mine.c'), 'utf8'), 'mine');
  await box.ok(['init', 'mine.c', '--force', ...all]);
  await box.fails(3, /no such file or folder/, ['init', 'nowhere/x.c', ...all]);
  await box.fails(2, /is a folder/, ['init', box.dir, '--force', ...all]);
});

test('at a terminal it asks', async () => {
  using box = new Sandbox();
  const session = `skep-init-test-${process.pid}`;
  const tmux = (...args: string[]) => execFileSync('tmux', ['-L', session, ...args], { encoding: 'utf8' });
  const main = join(import.meta.dirname, '../src/main.ts');
  const command = `${process.execPath} ${main} init; echo "code $?"; read line`;
  execFileSync(
    'tmux',
    ['-L', session, '-f', '/dev/null', 'new-session', '-d', '-s', 'x', '-x', '90', '-y', '40', command],
    {
      env: { ...box.env, TERM: 'xterm-256color' },
      cwd: box.dir,
    },
  );
  try {
    const screen = () => tmux('capture-pane', '-p', '-t', 'x');
    const until = async (text: string) => {
      const end = performance.now() + 10_000;
      while (!screen().includes(text)) {
        assert.ok(performance.now() < end, `waited too long for "${text}" at:\n${screen()}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    await until('What shall it watch?');
    tmux('send-keys', '-t', 'x', 'Enter');
    await until('How does the data leave');
    tmux('send-keys', '-t', 'x', 'Down', 'Enter');
    await until('What shall become of it?');
    tmux('send-keys', '-t', 'x', 'Down', 'Enter');
    await until('Which file?');
    tmux('send-keys', '-t', 'x', 'Enter');
    await until('code 0');
    assert.match(readFileSync(box.path('probe.c'), 'utf8'), /counter_/);
    await box.ok(['build', 'probe.c']);
  } finally {
    tmux('kill-server');
  }
});
