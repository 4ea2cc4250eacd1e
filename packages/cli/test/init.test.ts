import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { Sandbox } from './harness.ts';
import { inTerminal } from './terminal.ts';

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

test('Ctrl-C in place of an answer ends it as an interruption, and writes nothing', async () => {
  using box = new Sandbox();
  using terminal = inTerminal(box, ['init', 'new.c']);
  await terminal.until('What shall it watch?');
  terminal.press('C-c');
  assert.match(await terminal.until('code 130'), /skep: cancelled/);
  assert.deepEqual(readdirSync(box.dir), []);
});

test('at a terminal it asks', async () => {
  using box = new Sandbox();
  using terminal = inTerminal(box, ['init']);
  await terminal.until('What shall it watch?');
  terminal.press('Enter');
  await terminal.until('How does the data leave');
  terminal.press('Down', 'Enter');
  await terminal.until('What shall become of it?');
  terminal.press('Down', 'Enter');
  await terminal.until('Which file?');
  terminal.press('Enter');
  await terminal.until('code 0');
  assert.match(readFileSync(box.path('probe.c'), 'utf8'), /counter_/);
  await box.ok(['build', 'probe.c']);
});
