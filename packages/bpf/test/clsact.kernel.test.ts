import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fixture } from '../../../test/support/fixtures.ts';
import { Netns } from '../../../test/support/netns.ts';
import { sweepClsact } from '../src/index.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const child = new URL('./support/clsact-child.ts', import.meta.url).pathname;
const dir = mkdtempSync(join(tmpdir(), 'skep-clsact-'));
const object = join(dir, 'net.o');
let net: Netns;
let missing: string | undefined;

before(async () => {
  if (skip) return;
  if (process.env.SKEP_GUEST) for (const m of ['sch_ingress', 'cls_bpf']) execFileSync('modprobe', [m]);
  writeFileSync(object, await fixture(new URL('../../runtime/test/targets/net.bpf.c', import.meta.url)));
  net = await Netns.make();
  // busybox knows no clsact, and the modules are there.
  if (process.env.SKEP_GUEST) return;
  try {
    net.run('tc', 'qdisc', 'add', 'dev', 'lo', 'clsact');
    net.run('tc', 'qdisc', 'del', 'dev', 'lo', 'clsact');
  } catch {
    missing = 'this kernel has no clsact';
  }
});
after(() => {
  net?.[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

async function owner(side: string): Promise<ChildProcess> {
  const made = spawn(process.execPath, [child, object, String(net.pid), side], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(made.stdout!, 'data');
  return made;
}

const shown = () => net.run('bpftool', 'net', 'show');
const notes = (pid: number) => readdirSync('/run/skep/tc').filter((n) => n.startsWith(`${pid}-`));
const qdisc = () => net.run('tc', 'qdisc', 'show', 'dev', 'lo').includes('clsact');

test('a tc program of a living owner is left alone, and goes with its qdisc when the owner is done', {
  skip,
}, async (t) => {
  if (missing) return t.skip(missing);
  const one = await owner('ingress');
  const two = await owner('egress');
  assert.match(shown(), /clsact\/ingress at_tc[\s\S]*clsact\/egress at_tc/);
  sweepClsact();
  assert.match(shown(), /clsact\/ingress at_tc[\s\S]*clsact\/egress at_tc/);
  one.stdin!.end('done\n');
  await once(one, 'exit');
  // The qdisc that the first made is still used by the second.
  assert.doesNotMatch(shown(), /clsact\/ingress/);
  assert.match(shown(), /clsact\/egress at_tc/);
  two.stdin!.end('done\n');
  await once(two, 'exit');
  assert.doesNotMatch(shown(), /at_tc/);
  assert.equal(qdisc(), false);
  assert.deepEqual([...notes(one.pid!), ...notes(two.pid!)], []);
});

test('what a killed owner left is removed by the next', { skip }, async (t) => {
  if (missing) return t.skip(missing);
  const killed = await owner('ingress');
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  assert.match(shown(), /clsact\/ingress at_tc/);
  assert.equal(notes(killed.pid!).length, 1);
  assert.equal(sweepClsact(), 1);
  assert.doesNotMatch(shown(), /at_tc/);
  assert.equal(qdisc(), false);
  assert.deepEqual(notes(killed.pid!), []);
  assert.equal(sweepClsact(), 0);
});
