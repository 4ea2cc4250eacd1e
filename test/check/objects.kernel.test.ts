// What check says of programs is compared with what the running kernel does with them, here and on every guest.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { runningKernel } from '@skep/bpf';
import { checkObject } from '@skep/probe';
import { fixture } from '../support/fixtures.ts';
import { compare } from './truth.ts';

const root = process.getuid?.() === 0;
const bytes = await fixture(new URL('./objects.bpf.c', import.meta.url));
const symbols = await fixture(new URL('./symbols.bpf.c', import.meta.url));
const licence = await fixture(new URL('./licence.bpf.c', import.meta.url));
const all = [
  { name: 'check.o', bytes },
  { name: 'symbols.o', bytes: symbols },
  { name: 'licence.o', bytes: licence },
];
const facts = runningKernel();

suite('check says what the kernel does', { skip: !root && 'loading needs root' }, () => {
  test('of every program, and why', async () => {
    const [compared] = await compare(all, [facts], (object, program) => {
      // There is no interface to attach it to, and a namespace is everybody's.
      if (!['xdp', 'cgroup', 'sk_lookup'].includes(object.program(program).type))
        object.program(program).attach().close();
    });
    for (const { program, said, reason, wrong } of compared!) {
      if (said === 'refused') assert.notEqual(wrong, undefined, `${program} runs, and check said ${reason}`);
      if (said === 'runs') assert.equal(wrong, undefined, `check said that ${program} runs`);
      if (program.startsWith('perhaps_')) continue;
      if (program === 'dead_global') {
        const walked = facts.version[0] < 6 || (facts.version[0] === 6 && facts.version[1] < 8);
        assert.deepEqual([said, wrong !== undefined], walked ? ['unknown', true] : ['runs', false], reason);
        continue;
      }
      if (program === 'kept_in_dead_code') {
        const counted = facts.version[0] > 5 || (facts.version[0] === 5 && facts.version[1] >= 13);
        assert.equal(said, counted ? 'refused' : 'runs', reason);
        continue;
      }
      if (program === 'attach_sleeping_iterator' && facts.version[0] < 6) {
        assert.equal(said, 'unknown', reason);
        continue;
      }
      assert.equal(said, /^(no|attach)_/.test(program) ? 'refused' : 'runs', `${program}: ${reason}`);
    }
  });

  test('a parameter decides what is dead', async () => {
    const state = (params: Record<string, string>, program: string) =>
      checkObject(bytes, 'check.o', facts, { params }).programs.find((p) => p.name === program)!.verdict
        .state;
    assert.equal(state({ wanted: 'true' }, 'yes_parameter'), 'refused');
    assert.equal(state({ wanted: 'false' }, 'yes_parameter'), 'runs');
    assert.equal(state({ limit: '11' }, 'yes_number'), 'refused');
    assert.equal(state({ limit: '11' }, 'no_number'), 'runs');
  });
});

/** Wrong by themselves. */
const nowhere = new Set([
  ...['no_return_value', 'no_waiting_helper', 'no_cgroup_value', 'no_such_kind', 'no_such_cgroup'],
  ...['no_iterator', 'attach_tracer'],
  ...[
    'no_record',
    'no_written_context',
    'no_crooked_read',
    'no_egress',
    'no_function_address',
    'no_waiting_event',
  ],
  ...['no_kept_helper', 'no_kept_read', 'no_kept_kind', 'no_kept_function'],
]);

test('of a kernel of which nothing is known, nothing is refused but what none takes', () => {
  const nothing = { name: 'this kernel', version: [0, 0, 0] as const, architecture: 'x86_64' as const };
  for (const { name, verdict } of all.flatMap((o) => checkObject(o.bytes, o.name, nothing).programs))
    assert.equal(verdict.state === 'refused', nowhere.has(name), `${name}: ${JSON.stringify(verdict)}`);
});
