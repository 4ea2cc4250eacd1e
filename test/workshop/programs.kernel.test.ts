/**
 * The workshop's cage and its three programs, taken from its text, on each kernel and either layout of cgroups: a guest
 * has cgroup v2 alone, as Debian 12 has, a machine may have both. `workshop.test.ts` runs the text as a whole.
 */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Sink, startRun } from '@skep/runtime';
import { compiled } from '../support/compiled.ts';
import { textOf } from './walk.ts';

const skip = process.getuid?.() === 0 ? false : 'loads BPF and makes a cgroup: needs root';
const text = textOf('docs/workshop/oomkill.md');

/** The files that the text writes under this name, in order. */
function written(name: string): string[] {
  const files = text.matchAll(new RegExp(`^cat > ${name} <<'EOF'\\n([\\s\\S]*?\\n)EOF$`, 'gm'));
  return [...files].map((found) => found[1]!);
}

/** The cage under a name of our own: the text itself may be run at the same time. */
class Cage implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'skep-cage-'));
  readonly path: string;

  constructor() {
    const [script] = written('cage.sh');
    writeFileSync(join(this.dir, 'cage.sh'), script!.replace('skep-workshop', `skep-cage-${process.pid}`));
    strictEqual(this.run('make').status, 0);
    this.path = this.run('path').stdout.trim();
  }

  run(...args: string[]) {
    return spawnSync('sh', ['cage.sh', ...args], { cwd: this.dir, encoding: 'utf8' });
  }

  [Symbol.dispose](): void {
    for (let tries = 0; tries < 50 && this.run('remove').status !== 0; tries++) spawnSync('sleep', ['0.1']);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

test('the cage kills what wants too much, and goes away', { skip }, () => {
  let path: string;
  {
    using cage = new Cage();
    path = cage.path;
    ok(existsSync(path));
    strictEqual(cage.run('run', 'true').status, 0);
    strictEqual(cage.run('run', 'tail', '/dev/zero').signal, 'SIGKILL');
  }
  ok(!existsSync(path));
});

/** Runs a program of the text around two kills in a cage: names in its rows, and its series with their values. */
async function aroundTwoKills(name: string, code: string) {
  using cage = new Cage();
  const object = await compiled(code);
  const rows: string[] = [];
  const sink: Sink = {
    name: 'test',
    record: (stream, view, offset, length) => rows.push(JSON.parse(stream.json(view, offset, length)).comm),
  };
  const run = await startRun({
    name,
    objects: [{ name: `${name}.o`, bytes: object }],
    params: { target_cgroup: cage.path },
    sinks: [sink],
  });
  for (let kill = 0; kill < 2; kill++) strictEqual(cage.run('run', 'tail', '/dev/zero').signal, 'SIGKILL');
  await run.stop();
  return { rows, series: [...run.series].map((series) => [series.data, Number(series.value)]) };
}

for (const [i, kind] of ['hash map', 'perf buffer', 'ring buffer'].entries()) {
  test(`the workshop's ${kind} has each kill`, { skip }, async () => {
    const { rows, series } = await aroundTwoKills('oomkill', written('oomkill.c')[i]!);
    deepStrictEqual(series, kind === 'perf buffer' ? [] : [[{ asked_by: 'tail' }, 2]]);
    deepStrictEqual(rows, kind === 'hash map' ? [] : ['tail', 'tail']);
  });
}

test("the workshop's second file has each exit", { skip }, async () => {
  const { series } = await aroundTwoKills('exits', written('exits.c')[0]!);
  deepStrictEqual(series, [[{ comm: 'tail', signal: 'SIGKILL' }, 2]]);
});
