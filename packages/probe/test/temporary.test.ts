import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TemporaryFolder } from '../src/temporary.ts';

const module = JSON.stringify(import.meta.resolve('../src/temporary.ts'));

/** A process with two such folders, which does what `code` says besides, and the folder that they lie in. */
async function holder(code: string): Promise<{ child: ChildProcess; dir: string } & Disposable> {
  const dir = mkdtempSync(join(tmpdir(), 'skep-temporary-test-'));
  const text = `const { TemporaryFolder } = await import(${module});
    const [one, two] = [new TemporaryFolder('one-'), new TemporaryFolder('two-')];
    (await import('node:fs')).mkdirSync(one.path + '/a/b', { recursive: true });
    ${code}
    setInterval(() => undefined, 1000);
    process.stdout.write('.');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: dir },
  });
  await Promise.race([once(child.stdout!, 'data'), once(child, 'exit')]);
  return {
    child,
    dir,
    [Symbol.dispose]: () => {
      child.kill('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

test('a temporary folder goes when it is disposed of', () => {
  const before = process.listenerCount('SIGINT');
  const folder = new TemporaryFolder('skep-temporary-test-');
  writeFileSync(join(folder.path, 'file'), '');
  folder[Symbol.dispose]();
  assert.equal(existsSync(folder.path), false);
  assert.equal(process.listenerCount('SIGINT'), before);
});

test('and with a signal that ends the process, which it still does', async () => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    using held = await holder('');
    assert.equal(readdirSync(held.dir).length, 2);
    held.child.kill(signal);
    const [code, by] = await once(held.child, 'exit');
    assert.deepEqual([code, by, readdirSync(held.dir)], [null, signal, []]);
  }
});

test('but a signal that somebody listens for is theirs', async () => {
  using held = await holder(`process.on('SIGTERM', () => { two[Symbol.dispose](); process.exit(7); });`);
  held.child.kill('SIGTERM');
  const [code] = await once(held.child, 'exit');
  assert.equal(code, 7);
  assert.deepEqual(
    readdirSync(held.dir).map((name) => name.slice(0, 4)),
    ['one-'],
  );
});
