import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { probeHook } from '@skep/bpf';
import { fixture } from '../../../../test/support/fixtures.ts';
import { type HookChoice, type Run, type RunRequest, startRun } from '../../src/index.ts';
import { Producer } from '../support/producer.ts';
import { rowsOf } from '../support/sinks.ts';

const root = process.getuid?.() === 0;
const skip = root ? false : 'needs root';
const has = (kind: 'kprobe' | 'fentry') => root && probeHook(kind).available === true;
const needs = (kind: 'kprobe' | 'fentry') => skip || (!has(kind) && `this kernel has no ${kind}`);
const best = () => (has('fentry') ? 'fentry' : has('kprobe') ? 'kprobe' : 'tp_btf');
const numbers: Record<string, string> = { fentry: '1', kprobe: '2', tp_btf: '3' };

const running: Run[] = [];
afterEach(async () => {
  for (const run of running.splice(0)) await run.stop();
});

async function start(name: string, pid: number, more: Partial<RunRequest> = {}): Promise<Run> {
  const bytes = await fixture(new URL(`./${name}.bpf.c`, import.meta.url));
  const objects = [{ name: `${name}.o`, bytes }];
  const run = await startRun({ name, objects, params: { target_pid: String(pid) }, sinks: [], ...more });
  running.push(run);
  return run;
}

/** What the map has after `calls` calls of the producer. */
async function counted(run: Run, producer: Producer, map = 'counter_calls'): Promise<[string, string][]> {
  await producer.produce(500, 7);
  return [...(await rowsOf(run, map))];
}

function choice(run: Run, group: string): HookChoice {
  return run.stats().hooks.find((h) => h.group === group)!;
}

/** Kinds of the BPF links that this process holds, as the kernel says them in /proc/self/fdinfo. */
function links(): string[] {
  return held(/^link_type:\s*(\S+)/m);
}

/** How many entries the hashes have that this process holds; objects that share one hold it each. */
function hashes(): string[] {
  return [...new Set(held(/^map_type:\s*1\n[\s\S]*?^max_entries:\s*(\d+)/m))];
}

function held(line: RegExp): string[] {
  const kinds: string[] = [];
  for (const fd of readdirSync('/proc/self/fdinfo')) {
    try {
      const m = line.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
      if (m) kinds.push(m[1]!);
    } catch (error) {
      // The descriptor that the folder itself was read with.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return kinds.sort();
}

test('the best rung that this kernel carries counts every call, and only it is loaded', {
  skip,
}, async () => {
  using producer = new Producer();
  const run = await start('three', producer.pid);
  assert.deepEqual(await counted(run, producer), [[numbers[best()], '500']]);
  const { taken, rungs } = choice(run, 'calls');
  assert.equal(taken, best());
  assert.deepEqual(
    run.stats().programs.map((p) => p.name),
    rungs.find((r) => r.name === taken)!.programs,
  );
  assert.ok(run.stats().notes.includes(`hooks: calls by ${best()}`), run.stats().notes.join('\n'));
});

test('arguments of other types or numbers than the kernel has are refused', { skip }, async () => {
  using producer = new Producer();
  const run = await start('three', producer.pid, { explain: true });
  const [wrong, many] = choice(run, 'calls').rungs;
  assert.equal(wrong!.state, 'refused');
  if (has('fentry')) assert.match(wrong!.reason!, /argument 1 of find_task_by_vpid is int here/);
  assert.equal(many!.state, 'refused');
  assert.match(many!.reason!, /reads 3 arguments of sys_enter, which has 2 here/);
});

test('an optional group without a rung is left out, and what is missing is said', { skip }, async () => {
  using producer = new Producer();
  const run = await start('three', producer.pid);
  const note = run.stats().notes.find((n) => n.startsWith('extra was left out'));
  assert.match(note ?? '', /no extra column/);
  assert.match(note ?? '', /tracepoint: this kernel has no tracepoint skep\/is_not_in_a_kernel/);
  assert.equal(choice(run, 'extra').taken, undefined);
});

for (const rung of ['fentry', 'kprobe', 'tp_btf'] as const) {
  const why = rung === 'tp_btf' ? skip : needs(rung);
  test(`--hook calls=${rung} takes that rung, which counts the same`, { skip: why }, async () => {
    using producer = new Producer();
    const run = await start('three', producer.pid, { hooks: { calls: rung } });
    assert.deepEqual(await counted(run, producer), [[numbers[rung], '500']]);
    assert.equal(choice(run, 'calls').taken, rung);
  });
}

test('a map that only other rungs name is not made', { skip }, async () => {
  using producer = new Producer();
  const ENTERED = '1024';
  const plain = await start('three', producer.pid, { hooks: { calls: 'tp_btf' } });
  assert.deepEqual(hashes(), ['16'], 'counter_calls alone');
  assert.deepEqual(await counted(plain, producer), [['3', '500']]);
  await plain.stop();
  const run = await start('three', producer.pid);
  assert.equal(hashes().includes(ENTERED), best() !== 'tp_btf');
  await run.stop();
  assert.deepEqual(hashes(), []);
});

test('maps that the source fills are no matter for either rung', { skip }, async () => {
  using producer = new Producer();
  for (const [rung, number] of [
    ['jumping', '1'],
    ['walking', '2'],
  ]) {
    const run = await start('jumps', producer.pid, { hooks: { calls: rung! } });
    assert.deepEqual(await counted(run, producer), [[number, '500']], rung);
    await run.stop();
  }
});

test('a forced rung that this kernel has not ends the run with the kernel’s reason, nothing attached', {
  skip,
}, async () => {
  const before = links();
  const forced: [string, string][] = [
    ['none', 'tracepoint'],
    ['none', 'tp_btf'],
  ];
  if (!has('fentry')) forced.push(['three', 'fentry']);
  for (const [name, rung] of forced)
    await assert.rejects(start(name, 1, { hooks: { calls: rung } }), (error: Error & { code?: string }) => {
      assert.match(error.code ?? '', /^SKEP_(LOAD|UNSUPPORTED|ATTACH)$/, error.message);
      return true;
    });
  assert.deepEqual(links(), before);
});

for (const [hooks, hint] of [
  [{ call: 'kprobe' }, /Groups: calls and extra/],
  [{ calls: 'uprobe' }, /wrong, many, fentry, kprobe and tp_btf/],
  [{ calls: 'none' }, /wrong, many, fentry, kprobe and tp_btf/],
  [{ extra: 'nothing' }, /kprobe, tracepoint and none/],
] as const) {
  test(`--hook ${JSON.stringify(hooks)} is refused, and the choices are named`, { skip }, async () => {
    await assert.rejects(start('three', 1, { hooks }), (error: Error & { code?: string; hint?: string }) => {
      assert.equal(error.code, 'SKEP_HOOK_UNKNOWN');
      assert.match(error.hint ?? '', hint);
      return true;
    });
  });
}

test('--hook extra=none leaves an optional group out without asking', { skip }, async () => {
  using producer = new Producer();
  const run = await start('three', producer.pid, { hooks: { extra: 'none' } });
  assert.match(run.stats().notes.join('\n'), /extra was left out: as asked for/);
});

test('a rung that does not attach gives way as a whole, and nothing of it stays attached', {
  skip,
}, async () => {
  using producer = new Producer();
  const before = links();
  const run = await start('attach', producer.pid);
  assert.deepEqual(links(), [...before, 'raw_tracepoint'].sort(), 'one link, that of the second rung');
  assert.deepEqual(hashes(), ['16', '333', '555'], 'its own map was made for it; that of the first is there');
  assert.deepEqual(await counted(run, producer), [['2', '500']]);
  const { taken, rungs } = choice(run, 'calls');
  assert.equal(taken, 'sound');
  assert.deepEqual([rungs[0]!.state, rungs[1]!.state], ['failed', 'taken']);
  assert.match(rungs[0]!.reason!, /"fails" cannot be attached/);
  assert.match(run.stats().notes.join('\n'), /calls: broken was given up for the next/);
  assert.deepEqual(
    run.stats().programs.map((p) => [p.name, p.runs > 0n]),
    [['returns', true]],
  );
  await run.stop();
  assert.deepEqual(links(), before);
});

test('a group that is needed and has no rung: the error has the reason of each', { skip }, async () => {
  await assert.rejects(start('none', 1), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'SKEP_NO_RUNG');
    assert.match(
      error.message,
      /"calls".*tp_btf: .*skep_is_not_in_a_kernel.*tracepoint: this kernel has no tracepoint/s,
    );
    return true;
  });
});

test('twins are alternatives: each call is counted once', { skip }, async () => {
  using producer = new Producer();
  // Where there is neither fentry nor kprobe, the twins of the function have no rung.
  if (best() === 'tp_btf')
    return assert.rejects(start('twins', producer.pid), {
      code: 'SKEP_NO_RUNG',
      message: /find_task_by_vpid/,
    });
  const run = await start('twins', producer.pid);
  assert.deepEqual(await counted(run, producer), [[numbers[best()], '500']]);
  assert.deepEqual([...(await rowsOf(run, 'counter_events'))], [['1', '500']]);
  assert.deepEqual(
    run.stats().hooks.map(({ group, taken, twins }) => [group, taken, twins]),
    [
      ['find_task_by_vpid', best(), true],
      ['sys_enter', 'tp_btf', true],
    ],
  );
});

test('with --no-twins all of them run', { skip: needs('fentry') }, async () => {
  using producer = new Producer();
  const run = await start('twins', producer.pid, { twins: false });
  assert.deepEqual((await counted(run, producer, 'counter_events')).sort(), [
    ['1', '500'],
    ['2', '500'],
  ]);
  assert.deepEqual(run.stats().hooks, []);
  assert.equal(run.stats().programs.length, 8);
});
