import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findUserFile, usdtProbes } from '../src/elf/user-functions.ts';

const python = existsSync('/usr/bin/python3') ? false : 'no program here has a USDT probe (python3 has)';

test('the USDT probes of a program', { skip: python }, () => {
  const probes = usdtProbes('/usr/bin/python3');
  for (const name of ['function__entry', 'gc__start', 'gc__done', 'line', 'audit'])
    assert.ok(probes.includes(`python:${name}`), `${name} among ${probes}`);
  assert.deepEqual(usdtProbes('/bin/true'), []);
  // Lengths that lead back to where they stand.
  const bytes = readFileSync('/usr/bin/python3');
  const note = bytes.indexOf('stapsdt\0') - 12;
  bytes.writeUInt32LE(0xffff_ffec, note);
  bytes.writeUInt32LE(8, note + 4);
  const dir = mkdtempSync(join(tmpdir(), 'skep-bpf-test-'));
  try {
    writeFileSync(join(dir, 'damaged'), bytes);
    assert.deepEqual(usdtProbes(join(dir, 'damaged')), []);
  } finally {
    rmSync(dir, { recursive: true });
  }
  assert.throws(() => usdtProbes('/etc'), { code: 'SKEP_ATTACH', message: /it is no file/ });
});

test('a name without a slash is looked for where programs and libraries are, then in the current folder', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-user-'));
  const before = process.cwd();
  t.after(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });
  for (const name of ['sh', 'libskep_none', 'skep_t_app']) writeFileSync(join(folder, name), '');
  process.chdir(folder);
  assert.match(findUserFile('sh'), /^\/.*bin\/sh$/);
  assert.equal(findUserFile('skep_t_app'), './skep_t_app');
  assert.equal(findUserFile('libskep_none'), './libskep_none');
  assert.equal(findUserFile('skep_t_none'), 'skep_t_none');
});
