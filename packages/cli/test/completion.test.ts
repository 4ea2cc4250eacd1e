import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { main, Sandbox } from './harness.ts';
import { source } from './objects.ts';

/** A probe with what completion can offer: parameters, one of them under the name of a flag, and a choice of hooks. */
const rich = `#include "skep.h"
SKEP_PARAM(duration_ns, min_latency, 0, "only what took at least this long");
SKEP_PARAM(bool, minutes, false, "in minutes");
SKEP_PARAM(__u32, timeout, 0, "has the name of a flag");
SKEP_PARAM_PORTS(ports, 8, "only these ports");
SKEP_HASH(counter_execs, __u32, __u64, 8);
static int body(void *ctx)
{
	__u32 key = min_latency + minutes + timeout;
	if (skep_in(ports, key))
		skep_add(&counter_execs, &key, 1);
	return 0;
}
SKEP_EVENT(exec, sched, sched_process_exec, body)
char LICENSE[] SEC("license") = "Dual BSD/GPL";
`;

const box = new Sandbox();
before(async () => {
  mkdirSync(box.path('bin'));
  writeFileSync(box.path('bin', 'skep'), `#!/bin/sh\nexec ${process.execPath} ${main} "$@"\n`);
  chmodSync(box.path('bin', 'skep'), 0o755);
  writeFileSync(box.path('calls.c'), source);
  await box.ok(['build', 'calls.c', 'calls:1']);
  writeFileSync(box.path('rich.c'), rich);
  await box.ok(['build', 'rich.c', 'rich:1']);
  await box.ok(['build', 'rich.c']);
  await box.ok(['tag', 'calls:1', 'localhost:5000/calls:two']);
});
after(() => box[Symbol.dispose]());

function has(shell: string): boolean {
  try {
    execFileSync(shell, ['-c', 'true']);
    return true;
  } catch {
    return false;
  }
}

function shell(name: string, script: string, ...args: string[]): string[] {
  const env = { ...box.env, PATH: `${box.path('bin')}:${process.env.PATH}` };
  return execFileSync(name, [...args, '-c', script], { env, cwd: box.dir, encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '');
}

async function complete(...words: string[]): Promise<string[]> {
  const lines = (await box.ok(['__complete', '--', ...words])).split('\n');
  return lines.filter((line) => line !== '').map((line) => line.split('\t')[0]!);
}

test('what may come next: commands, flags, values, references, files', async () => {
  assert.deepEqual(await complete('bu'), ['build']);
  assert.ok((await complete('')).includes('doctor'));
  assert.ok(!(await complete('')).includes('__complete'));
  assert.deepEqual(await complete('list', '--fo'), ['--format']);
  assert.deepEqual(await complete('run', '--pull', ''), ['always', 'missing', 'never']);
  assert.deepEqual(await complete('verify', '--type', 'spdx'), ['spdxjson', 'spdx']);
  assert.deepEqual(await complete('run', 'c'), ['calls:1', ':files']);
  assert.deepEqual(await complete('run', '--timeout', '1s', 'calls'), ['calls:1', ':files']);
  assert.deepEqual(await complete('run', 'calls:1', 'r'), ['rich:1', ':files'], 'several run as one');
  assert.deepEqual(await complete('rm', 'calls:1', 'local'), ['localhost:5000/calls:two']);
  assert.deepEqual(await complete('tags', ''), ['localhost:5000/calls'], 'repositories of registries');
  assert.deepEqual(await complete('completion', ''), ['bash', 'zsh', 'fish']);
  assert.deepEqual(await complete('--storage', ''), [':files']);
  assert.deepEqual(await complete('--storage', box.path('empty'), 'tag', ''), []);
  assert.deepEqual(await complete('tag', '--storage', box.path('empty'), ''), []);
});

test('parameters, hooks and programs of an image or object that is here', async () => {
  assert.deepEqual(await complete('run', 'rich:1', '--min'), ['--min-latency', '--minutes']);
  assert.deepEqual(await complete('run', '--pid', '1', 'rich:1', '--minutes', '--po'), ['--ports']);
  assert.deepEqual(await complete('run', './rich.o', '--min'), ['--min-latency', '--minutes']);
  assert.ok((await complete('run', 'rich:1', '--')).includes('--max-events'));
  assert.deepEqual(await complete('run', 'rich:1', '--time'), ['--timeout'], 'the flag of run, once');
  assert.deepEqual(await complete('run', 'rich:1', '--set', ''), [
    'min_latency=',
    'minutes=',
    'timeout=',
    'ports=',
  ]);
  assert.deepEqual(await complete('run', 'rich:1', '--set', 'p'), ['ports=']);
  assert.deepEqual(await complete('run', 'rich:1', '--hook', ''), [
    'exec=tp_btf',
    'exec=raw_tp',
    'exec=tracepoint',
  ]);
  assert.deepEqual(await complete('run', 'calls:1', '--attach', ''), ['on_enter=']);
  const meaning = await box.ok(['__complete', '--', 'run', 'rich:1', '--min-']);
  assert.equal(meaning, '--min-latency\tonly what took at least this long\n');
  // A value is the user's own, and so is what is not here or would have to be compiled.
  assert.deepEqual(await complete('run', 'rich:1', '--min-latency', ''), []);
  assert.deepEqual(await complete('run', 'nosuch:1', '--min'), []);
  assert.deepEqual(await complete('run', 'rich.c', '--min'), []);
  assert.deepEqual(await complete('run', '--storage', box.path('empty'), 'rich:1', '--min'), []);
  writeFileSync(box.path('broken.o'), 'no object');
  assert.deepEqual(await complete('run', './broken.o', '--max-e'), ['--max-events']);
  assert.deepEqual(await complete('inspect', 'rich:1', '--min'), []);
});

test('bash', { skip: !has('bash') }, () => {
  const tab = (line: string, before = '') =>
    shell(
      'bash',
      `${before}
       source <(skep completion bash); complete -p skep >/dev/null || exit 1
       COMP_LINE=${JSON.stringify(line)}; COMP_POINT=\${#COMP_LINE}
       _skep; printf '%s\\n' "\${COMPREPLY[@]}"`,
      '--norc',
    );
  assert.deepEqual(tab('skep bu'), ['build']);
  assert.deepEqual(tab('skep rm calls'), ['calls:1']);
  // Readline takes what stands after the last colon for the word.
  assert.deepEqual(tab('skep rm localhost:50'), ['5000/calls:two']);
  assert.deepEqual(tab('skep push localhost:5000/calls:t'), ['two']);
  assert.deepEqual(tab('skep run ca'), ['calls:1', 'calls.c']);
  assert.deepEqual(tab('skep run --pull m'), ['missing']);
  assert.deepEqual(tab('skep run rich:1 --min-'), ['--min-latency']);
  assert.deepEqual(tab('skep run rich:1 --set min_'), ['min_latency=']);
  assert.deepEqual(tab('skep run rich:1 --hook exec=raw'), ['raw_tp']);
  // As files, readline would write calls\\:1.
  const asFiles = (line: string) => tab(line, 'compopt() { echo "$1 $2"; }').includes('-o filenames');
  assert.deepEqual([asFiles('skep run calls:'), asFiles('skep run ./ca')], [false, true]);
});

test('zsh', { skip: !has('zsh') }, () => {
  const tab = (...words: string[]) =>
    shell(
      'zsh',
      `compdef() { }; source <(skep completion zsh)
       _describe() { print -rl -- "\${(@P)4}"; }; _files() { print -- FILES; }
       words=(skep ${words.map((w) => `'${w}'`).join(' ')}); CURRENT=${words.length + 1}; _skep`,
      '-f',
    );
  assert.deepEqual(tab('bu'), ['build:Compile C and pack it into an image']);
  assert.deepEqual(tab('rm', 'localhost'), ['localhost\\:5000/calls\\:two']);
  assert.deepEqual(tab('run', 'ca'), ['calls\\:1', 'FILES']);
});

test('fish', { skip: !has('fish') }, () => {
  const tab = (line: string) =>
    shell('fish', `source (skep completion fish | psub); complete -C '${line}'`, '--no-config');
  assert.deepEqual(tab('skep bu'), ['build\tCompile C and pack it into an image']);
  assert.deepEqual(tab('skep rm localhost:5000/c'), ['localhost:5000/calls:two']);
  assert.ok(tab('skep run ca').includes('calls:1'));
});

test('an unknown shell', async () => {
  await box.fails(2, /bash, zsh, fish/, ['completion', 'tcsh']);
});
