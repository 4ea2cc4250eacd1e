import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needOneOf } from '../src/doctor/features.ts';
import { checkPrivileges } from '../src/doctor/privileges.ts';
import { Sandbox } from './harness.ts';

const isRoot = process.getuid?.() === 0;

test('doctor: what is there, what is not, and what would mend it', async () => {
  using box = new Sandbox();
  const { code, stdout, stderr } = await box.skep(['doctor']);
  assert.equal(stderr, '');
  for (const area of ['This process', 'Kernel', 'Building', 'Hooks', 'Program types', 'Map types']) {
    assert.match(stdout, new RegExp(`^${area}$`, 'm'));
  }
  assert.match(stdout, code === 0 ? /\nProbes run here\.\n$/ : /\nNo probe runs here without: .+\.\n$/);
});

test('doctor --format json: every check with its state and remedy', async () => {
  using box = new Sandbox();
  const { stdout } = await box.skep(['doctor', '--format', 'json']);
  const checks = JSON.parse(stdout) as {
    Name: string;
    Area: string;
    State: string;
    Detail: string;
    Mend: string;
  }[];
  assert.ok(checks.length > 70);
  for (const c of checks) {
    assert.match(c.State, /^(yes|no|unknown)$/);
    if (c.State === 'no') assert.ok(c.Detail && c.Mend, `${c.Name} says what would mend it`);
    else if (c.State === 'yes') assert.equal(c.Mend, '', c.Name);
  }
  for (const name of [
    'CAP_BPF',
    'tracefs',
    'bpffs',
    'cgroup v2',
    'clang',
    'lockdown',
    'ringbuf',
    'tracepoint',
  ]) {
    assert.ok(
      checks.some((c) => c.Name === name),
      name,
    );
  }
  await box.fails(2, /never closed/, ['doctor', '--format', '{{']);
  await box.fails(2, /exclude/, ['doctor', '-q', '--format', '{{.Name}}']);
});

test('doctor without clang names the way to get it, and is content', { skip: !isRoot }, async () => {
  using box = new Sandbox();
  const { stdout } = await box.skep(['doctor', '-q'], { env: { PATH: '/nonexistent' } });
  assert.match(stdout, /no {2}clang .*\n +→ Install it .*apt install clang/);
});

test('doctor without rights exits 1, says which, and still shows the rest', { skip: !isRoot }, async () => {
  using box = new Sandbox();
  const { code, stdout } = await box.skep(['doctor'], { uid: 65534, env: { HOME: '/nonexistent' } });
  assert.equal(code, 1);
  assert.match(stdout, /no {2}CAP_BPF .*\n +→ sudo skep doctor/);
  assert.match(
    stdout,
    /\? {3}hash, array,.*\n(?: +\w.*\n)* +this process lacks CAP_BPF\n +→ Run it with sudo\./,
  );
  assert.equal(stdout.match(/this process lacks CAP_BPF/g)?.length, 2, 'said once for an area');
  assert.match(stdout, /No probe runs here without: CAP_BPF, CAP_PERFMON/);
});

test('CAP_SYS_ADMIN stands in for CAP_BPF and CAP_PERFMON', () => {
  const state = (have: string[]) =>
    checkPrivileges(new Set(have))
      .filter((c) => c.essential && !c.ok)
      .map((c) => c.name);
  assert.deepEqual(state(['CAP_SYS_ADMIN']), []);
  assert.deepEqual(state(['CAP_BPF']), ['CAP_PERFMON']);
  assert.deepEqual(state([]), ['CAP_BPF', 'CAP_PERFMON']);
});

test('one of several hooks is enough', () => {
  const check = (name: string, ok: boolean | undefined) => ({
    area: 'x',
    name,
    ok,
    detail: '',
    mend: '',
    essential: false,
  });
  assert.deepEqual(needOneOf('a hook', [check('a', false), check('b', true)], ['a', 'b']), []);
  assert.deepEqual(needOneOf('a hook', [check('a', false), check('b', undefined)], ['a', 'b']), []);
  assert.equal(needOneOf('a hook', [check('a', false), check('b', false)], ['a', 'b'])[0]!.essential, true);
});
