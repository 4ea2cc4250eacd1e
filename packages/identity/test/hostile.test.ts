// Whoever may run a program may call it what they like, and must not keep the agent of the machine busy with it.
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { cpuMs } from '../../../test/support/cpu-time.ts';
import { Host, Identities } from '../src/index.ts';
import type { Language } from '../src/language/programs.ts';
import { commandName } from '../src/name/command.ts';
import { folder } from './support/started.ts';

const LONG = 120_000;
const fill = (text: string) => text.repeat(LONG / text.length);

const hostile: [what: string, exe: string, ...argv: string[]][] = [
  ['a version without an end', '/usr/bin/java', 'java', '-jar', `a-${fill('1.')}!`],
  ['classes without a name', '/usr/bin/java', 'java', fill('main.')],
  ['a title of brackets', '/usr/bin/ruby', `puma ${fill('[')}`],
  ['a title of words', '/usr/bin/perl', `starman master ${fill('a b ')}`],
  ['packages in packages', '/usr/bin/node', 'node', fill('/node_modules/')],
  ['wrappers of wrappers', '/usr/bin/python3', ...fill('python coverage ').trim().split(' ')],
  [
    'the same without Python between',
    '/usr/bin/python3',
    'python3',
    ...fill('ddtrace-run ').trim().split(' '),
  ],
  [
    'loaders of loaders',
    '/lib64/ld-linux-x86-64.so.2',
    ...fill('/lib64/ld-linux-x86-64.so.2 ').trim().split(' '),
  ],
  [
    'a thousand options',
    '/usr/bin/python3',
    'python3',
    'gunicorn',
    ...fill('-x ').trim().split(' '),
    'a.b:c',
  ],
];

test('a command line that is made to take long takes no time', (t) => {
  const proc = folder(t);
  for (const [i, [, exe, ...argv]] of hostile.entries()) {
    const dir = join(proc, String(i + 1));
    mkdirSync(dir);
    const stat = Array.from({ length: 40 }, () => '1').join(' ');
    writeFileSync(join(dir, 'stat'), `${i + 1} (x) S 1 ${stat}`);
    writeFileSync(join(dir, 'cmdline'), `${argv.join('\0')}\0`);
    symlinkSync(exe, join(dir, 'exe'));
  }
  const identities = new Identities({ host: new Host({ proc, root: folder(t), name: 'a' }) });
  for (const [i, [what]] of hostile.entries()) {
    let name = '';
    const ms = cpuMs(() => {
      ({ name } = identities.get(i + 1)!.service);
    });
    t.diagnostic(`${what}: ${Math.round(ms)} ms, ${name.slice(0, 30)}`);
    assert.ok(ms < 500, `${what}: ${ms} ms`);
  }
});

const words = fc.constantFrom(
  ...['\t', '\n ', '', ' ', '-', '--', '.', '..', '/', '%', '[', ']', '@', ':', '=', '\u{1f41d}', '\ud800'],
  ...[
    'node',
    'python3',
    'java',
    'ruby',
    'perl',
    'server.js',
    'main.py',
    'x-1.2.jar',
    'app.psgi',
    'a.b:c',
    'x.exs',
  ],
  ...[
    '-m',
    '-c',
    '-e',
    '-r',
    '-n',
    '-s',
    '-jar',
    '-A',
    '-boot',
    '-sname',
    '-extra',
    '--title=',
    '--module',
    '--name',
  ],
  ...[
    'gunicorn',
    'coverage',
    'run',
    'exec',
    'bundle',
    'puma',
    'starman',
    'celery',
    'flask',
    'uwsgi',
    'busybox',
    'tsx',
  ],
  ...[
    'puma: cluster worker 1: 2 [x]',
    'next-server (v1)',
    'nginx: worker',
    'php-fpm: pool www',
    '/x/node_modules/y/z',
  ],
);
const languages: (Language | undefined)[] = [
  ...([
    'nodejs',
    'deno',
    'bun',
    'python',
    'java',
    'ruby',
    'php',
    'dotnet',
    'erlang',
    'perl',
    'shell',
    'go',
    'c',
  ] as const),
  undefined,
];
const programs = [
  'node',
  'python3',
  'java',
  'ruby',
  'php',
  'dotnet',
  'beam.smp',
  'perl',
  'sh',
  'main',
  'busybox',
  'uwsgi',
];

test('whatever somebody calls a program, it has a name', () => {
  const context = fc.record({
    exe: fc.option(fc.constantFrom(...programs.map((name) => `/usr/bin/${name}`)), { nil: undefined }),
    argv: fc.array(words, { maxLength: 6 }),
    comm: fc.constantFrom('x', '', '\u0007'),
    runtime: fc.constantFrom(...languages.map((language) => language && { language })),
    cwd: fc.constantFrom('/', '/srv/app', '', undefined),
    file: fc.constantFrom(
      undefined,
      '',
      '{"name":',
      '[project]\nname = "y"',
      'DJANGO_SETTINGS_MODULE", "a.b"',
    ),
  });
  fc.assert(
    fc.property(context, ({ cwd, file, ...rest }) => {
      const name = commandName({ ...rest, environment: new Map(), cwd: () => cwd, readText: () => file });
      assert.match(name, /\S/);
    }),
    { numRuns: 5_000 },
  );
});
