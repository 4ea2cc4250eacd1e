import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { BpfMap, takeInventory } from '@skep/bpf';
import { fixture } from '../../../test/support/fixtures.ts';
import { until } from '../../../test/support/until.ts';
import { ownerText, programCosts, topTable } from '../src/inventory/rows.ts';
import { main, Sandbox } from './harness.ts';

const skip = process.getuid?.() !== 0 && 'needs root';

test('doctor --all shows a map of ours with us as its owner', { skip }, async () => {
  using map = BpfMap.create({ type: 'hash', name: 'cli_inv', keySize: 4, valueSize: 8, maxEntries: 5 });
  assert.ok(map);
  using box = new Sandbox();
  const { code, stdout, stderr } = await box.skep(['doctor', '--all']);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(
    stdout,
    new RegExp(`^\\d+ +hash +cli_inv +4/8 +5 +[\\d.]+\\w+ +\\S+\\(${process.pid}\\)$`, 'm'),
  );
  assert.match(stdout, /^Programs: /m);

  const json = JSON.parse((await box.skep(['doctor', '--all', '--format', 'json'])).stdout) as {
    Kind: string;
    Name?: string;
    Owners: { Pid: number }[];
  }[];
  const mine = json.find((row) => row.Name === 'cli_inv');
  assert.equal(mine?.Kind, 'map');
  assert.equal(mine?.Owners[0]?.Pid, process.pid);
  const both = await box.skep(['doctor', '--all', '--quiet']);
  assert.match(both.stderr, /exclude each other/);
});

test('a run is seen as skep, not by the name that Node gives its threads', { skip }, async () => {
  using box = new Sandbox();
  writeFileSync(
    box.path('probe.o'),
    await fixture(new URL('../../runtime/test/written-only.bpf.c', import.meta.url)),
  );
  const run = spawn(process.execPath, [main, 'run', box.path('probe.o'), '--no-prom', '--no-tty'], {
    stdio: 'ignore',
  });
  const closed = once(run, 'close');
  try {
    const ofRun = () => takeInventory().programs.flatMap((p) => p.owners.filter((o) => o.pid === run.pid));
    const [owner] = await until(ofRun, (owners) => owners.length > 0);
    assert.deepEqual(owner, { pid: run.pid, comm: 'skep' });
  } finally {
    run.kill('SIGKILL');
    await closed;
  }
});

test('top looks twice and ends; without privileges it says what it needs', { skip }, async () => {
  using box = new Sandbox();
  const { code, stdout } = await box.skep(['top', '--no-stream', '--interval', '50ms']);
  assert.equal(code, 0);
  assert.match(stdout, /^ID +TYPE +NAME +CPU +RUNS\/S +AVG +MEMORY +OWNER\n/);
  const refused = await box.skep(['top', '--no-stream', '--interval', 'soon']);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /--interval/);
});

test('costs are what happened between two looks', () => {
  const program = {
    id: 7,
    type: 'tracing',
    name: 'p',
    owners: [],
    runTimeNs: 5_000_000n,
    runCount: 100n,
    memory: 4096,
    loadTimeNs: 0n,
    mapIds: [3],
    linkIds: [],
  };
  const map = {
    id: 3,
    type: 'hash',
    name: 'm',
    owners: [],
    keySize: 4,
    valueSize: 4,
    maxEntries: 1,
    memory: 1000,
    programIds: [7],
  };
  const before = { programs: [program], maps: [map], links: [] };
  const later = { ...program, runTimeNs: 25_000_000n, runCount: 300n };
  const [cost] = programCosts({ programs: [later], maps: [map], links: [] }, before, 2);
  assert.deepEqual([cost?.cpu, cost?.rate, cost?.memory], [1, 100, 5096]);
  assert.match(topTable([cost!]), /^7 +tracing +p +1\.00% +100 +83333ns +5\.1kB +-$/m);
  const new_ = programCosts(
    { programs: [later], maps: [], links: [] },
    { programs: [], maps: [], links: [] },
    1,
  );
  assert.equal(new_[0]?.rate, 300);
});

test('owners: the first, and how many more', () => {
  assert.equal(ownerText([]), '-');
  assert.equal(ownerText([{ pid: 1, comm: 'a' }]), 'a(1)');
  assert.equal(
    ownerText([
      { pid: 1, comm: 'a' },
      { pid: 2, comm: 'b' },
    ]),
    'a(1) +1',
  );
});
