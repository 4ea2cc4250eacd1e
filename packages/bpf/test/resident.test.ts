import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { releaseMemory } from '../src/index.ts';

/** Resident pages of the running program's file, KiB. */
function programKiB(): number {
  let inProgram = false;
  let sum = 0;
  for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) inProgram = line.endsWith(process.execPath);
    else if (inProgram && line.startsWith('Rss:')) sum += Number(/\d+/.exec(line));
  }
  return sum;
}

test('pages that only the start needed are given back, and the program goes on', () => {
  const before = programKiB();
  assert.ok(releaseMemory() > 0);
  const after = programKiB();
  assert.ok(after < before / 2, `${before} KiB before, ${after} KiB after`);
  assert.equal(JSON.parse('{"a":[1,2,3]}').a.length, 3);
  assert.match(new Intl.DateTimeFormat('de').format(0), /\d/);
});

test('code that Node has moved to large pages is no file any more, and stays', () => {
  const index = new URL('../src/index.ts', import.meta.url).href;
  const code = `
    import { releaseMemory } from ${JSON.stringify(index)};
    releaseMemory();
    console.log(new Intl.DateTimeFormat('de').format(0));`;
  // silent: where the kernel has no large pages, it is as without
  const flags = ['--use-largepages=silent', '--input-type=module-typescript', '-e', code];
  assert.match(execFileSync(process.execPath, flags, { encoding: 'utf8' }), /\d/);
});
