import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findUserFile, usdtProbes } from '../src/elf/user-functions.ts';
import { runningKernel } from '../src/index.ts';

const python = existsSync('/usr/bin/python3') ? false : 'no program here has a USDT probe (python3 has)';

test('the USDT probes of a program', { skip: python }, () => {
  const { names: probes, damaged } = usdtProbes('/usr/bin/python3');
  assert.equal(damaged, false);
  for (const name of ['function__entry', 'gc__start', 'gc__done', 'line', 'audit'])
    assert.ok(probes.includes(`python:${name}`), `${name} among ${probes}`);
  assert.deepEqual(usdtProbes('/bin/true'), { names: [], damaged: false });
  // Lengths that lead back to where they stand.
  const bytes = readFileSync('/usr/bin/python3');
  const note = bytes.indexOf('stapsdt\0') - 12;
  bytes.writeUInt32LE(0xffff_ffec, note);
  bytes.writeUInt32LE(8, note + 4);
  const dir = mkdtempSync(join(tmpdir(), 'skep-bpf-test-'));
  try {
    writeFileSync(join(dir, 'damaged'), bytes);
    assert.deepEqual(usdtProbes(join(dir, 'damaged')), { names: [], damaged: true });
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

test('what a file has is a fact of the machine, and so is that it is no program', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-user-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const place = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  const program = readFileSync('/bin/true');
  const other = Uint8Array.from(program);
  other[4] = 1;
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const { userFunctions, usdtProbes: probes } = runningKernel();
  for (const [path, said] of [
    [join(folder, 'gone'), 'absent'],
    [folder, 'no program'],
    [join(folder, 'pipe'), 'no program'],
    [place('empty', new Uint8Array()), 'no program'],
    [place('text', Buffer.from('#!/bin/sh\n')), 'no program'],
    [place('of-32-bits', other), 'unreadable'],
    [place('cut', program.subarray(0, program.length - 100)), 'unreadable'],
  ] as const)
    assert.deepEqual([userFunctions?.(path), probes?.(path)], [said, said], path);
  assert.deepEqual(probes?.('/bin/true'), { names: [], damaged: false });
});
