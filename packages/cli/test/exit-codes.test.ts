import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cliReference, exitCodeDocument } from '../scripts/docs.ts';
import { CliError, explain } from '../src/errors.ts';
import { classes, classOf, ExitCode } from '../src/exit-codes.ts';

const packages = join(import.meta.dirname, '../..');
const docs = join(packages, '../docs');

/** Every `'SKEP_…'` that a package's errors.ts lists in its closed union. */
function codesOf(file: string): string[] {
  const union = /ErrorCode =([^;]+);/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
  return [...union.matchAll(/'(SKEP_[A-Z0-9_]+)'/g)].map((m) => m[1]!);
}

test('every error code of every package has its exit code', () => {
  const files = readdirSync(packages).map((name) => join(packages, name, 'src/errors.ts'));
  const codes = new Set(files.flatMap(codesOf));
  assert.ok(codes.size > 40, 'the codes were found');
  for (const code of codes) assert.ok(classOf(code), `${code} is in no class of exit-codes.ts`);
  for (const code of Object.values(classes).flat())
    assert.ok(codes.has(code), `${code} exists nowhere any more`);
});

test('the documents say what the code says', async () => {
  const cli = readFileSync(join(docs, 'cli.md'), 'utf8');
  assert.ok(cli === (await cliReference()), 'docs/cli.md is old: run node packages/cli/scripts/docs.ts');
  const exitCodes = readFileSync(join(docs, 'exit-codes.md'), 'utf8');
  assert.ok(
    exitCodes === exitCodeDocument(exitCodes),
    'docs/exit-codes.md is old: run node packages/cli/scripts/docs.ts',
  );
});

test('an error is a sentence and a hint, whatever was thrown', () => {
  const io = (code: string, path?: string) => Object.assign(new Error(`${code}: raw`), { code, path });
  assert.equal(explain(new CliError('SKEP_USAGE', 'no.', 'do')).exitCode, ExitCode.usage);
  assert.equal(explain(new CliError('SKEP_USAGE', 'no.', 'do')).message, 'no');
  assert.equal(explain(io('EACCES', '/x')).message, '/x: permission denied');
  assert.equal(explain(io('EACCES', '/x')).exitCode, ExitCode.permission);
  assert.equal(explain(io('ENOENT')).exitCode, ExitCode.notFound);
  assert.equal(explain(io('ENOSPC', '/x')).exitCode, ExitCode.general);
  for (const thrown of [new TypeError('x is not a function\nat y'), 'text', undefined, null, 42, {}]) {
    const { message, hint, exitCode } = explain(thrown);
    assert.match(message, /^unexpected: [^\n]+$/);
    assert.match(hint, /SKEP_DEBUG=1/);
    assert.equal(exitCode, ExitCode.general);
  }
});
