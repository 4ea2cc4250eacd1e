import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { kernelList } from '../src/kernel/lists.ts';

test('a list of the kernel is read once for all who ask within some seconds, and then anew', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const dir = mkdtempSync(join(tmpdir(), 'skep-lists-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'kallsyms');
  writeFileSync(path, 'ffffffff81000000 T one\n');
  assert.equal(kernelList(path), 'ffffffff81000000 T one\n');
  writeFileSync(path, 'ffffffff81000000 T two\n');
  t.mock.timers.tick(6000);
  assert.match(kernelList(path)!, / one\n/);
  t.mock.timers.tick(6000);
  assert.match(kernelList(path)!, / one\n/, 'asked for again, it stays');
  t.mock.timers.tick(10_000);
  assert.match(kernelList(path)!, / two\n/);
});

test('a list that is empty or not there is not known', () => {
  assert.equal(kernelList('/dev/null'), undefined);
  assert.equal(kernelList('/no/such/list'), undefined);
});
