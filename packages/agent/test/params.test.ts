import { deepStrictEqual, strictEqual, throws } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ownPid, probeParams } from '../src/params.ts';

test('what is watched becomes parameters', () => {
  const watch = {
    port: ['80', '8000-8010'],
    pid: [`${process.pid}`],
    exe: [process.execPath],
    netns: [`${process.pid}`],
  };
  const inode = (path: string) => String(statSync(path, { bigint: true }).ino);
  deepStrictEqual(probeParams(watch, { errorMs: 0, slowMs: 500 }, true), {
    own_pid: String(ownPid()),
    callers: 'true',
    target_port: ['80', '8000-8010'],
    target_pid: [`${process.pid}`],
    target_exe: [inode(process.execPath)],
    target_netns: [inode('/proc/self/ns/net')],
    error_gap: '0',
    slow_gap: '500ms',
  });
});

test('a network namespace may be named by its number, the first one by a small one', () => {
  for (const netns of ['4026531833', '4026532000'])
    deepStrictEqual(probeParams({ netns: [netns] }, {}, false).target_netns, [netns]);
});

test('in a container of its own process ids there is no agent: it would take each process for another', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-params-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'self/ns'), { recursive: true });
  const within = (ids: string, namespace: string) => {
    writeFileSync(join(folder, 'self/status'), `Name:\tx\nNSpid:\t${ids}\nNSpgid:\t1\n`);
    rmSync(join(folder, 'self/ns/pid'), { force: true });
    symlinkSync(`pid:[${namespace}]`, join(folder, 'self/ns/pid'));
    return ownPid(folder);
  };
  strictEqual(within('4711', '4026531836'), 4711);
  // The machine's /proc, from within.
  strictEqual(within('4711\t7', '4026532999'), 4711);
  throws(() => within('7', '4026532999'), { code: 'SKEP_AGENT_PIDS', hint: /--pid host/ });
});

test('what is not there is not watched in silence', (t) => {
  const { pid } = spawnSync('true');
  // Node's own helpers are threads.
  const thread = readdirSync('/proc/self/task').find((id) => id !== `${process.pid}`)!;
  const folder = mkdtempSync(join(tmpdir(), 'skep-params-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const script = join(folder, 'till');
  writeFileSync(script, '#! /usr/bin/env python3\n');
  for (const [watch, said] of [
    [{ pid: [`${pid}`] }, /^--pid \d+: there is no such process$/],
    [{ pid: ['x'] }, /^--pid x: there is no such process$/],
    [{ pid: ['0'] }, /^--pid 0: there is no such process$/],
    [{ cgroup: ['/none'] }, /^--cgroup \/none: there is no such folder$/],
    [{ cgroup: [''] }, /^--cgroup : there is no such folder$/],
    [{ port: ['0'] }, /^--port "0" is no port$/],
    [{ port: ['80', '70000'] }, /^--port "70000" is no port$/],
    [{ port: ['8010-8000'] }, /^--port "8010-8000" is no port$/],
    [{ exe: ['/none'] }, /^--exe \/none: /],
    [{ exe: ['/'] }, /^--exe \/: that is not a file$/],
    [{ netns: ['/none'] }, /^--netns \/none names no /],
    [{ netns: [`${pid}`] }, /^--netns \d+ names no /],
    [{ netns: [process.execPath] }, /^--netns .* names no /],
    [{ pid: [thread] }, /^--pid \d+: that is a thread of process \d+$/],
    [{ exe: [script] }, /^--exe .*\/till: that is a script, which \/usr\/bin\/env runs$/],
  ] as const)
    throws(
      () => probeParams(watch, {}, false),
      (error: Error & { code: string }) => {
        strictEqual(error.code, 'SKEP_AGENT_CONFIG');
        return said.test(error.message);
      },
    );
});
