// What check says of programs is compared with what the running kernel does with them, here and on every guest.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type BpfError, BpfObject, runningKernel } from '@skep/bpf';
import { fixture } from '../../../test/support/fixtures.ts';
import { checkObject } from '../src/index.ts';

const root = process.getuid?.() === 0;
const bytes = await fixture(new URL('./check.bpf.c', import.meta.url));
const facts = runningKernel();

/** Loads and attaches one program, and lets go of it; what went wrong, or undefined. */
async function tried(program: string): Promise<string | undefined> {
  using object = BpfObject.open(bytes, { name: 'check' });
  for (const p of object.programs) p.autoload = p.name === program;
  try {
    await object.load();
    const { type } = object.program(program);
    if (type !== 'xdp') object.program(program).attach().close();
    return undefined;
  } catch (e) {
    return (e as BpfError).message;
  }
}

suite('check says what the kernel does', { skip: !root && 'loading needs root' }, () => {
  const checked = checkObject(bytes, 'check.o', facts);
  for (const { name, verdict } of checked.programs) {
    test(name, async () => {
      const wrong = await tried(name);
      const said = verdict.state === 'runs' ? 'runs' : `${verdict.state}: ${verdict.reason}`;
      if (verdict.state === 'refused') assert.notEqual(wrong, undefined, `it runs, and check said ${said}`);
      if (verdict.state === 'runs') assert.equal(wrong, undefined, `check said that it runs`);
      const expected = name.startsWith('no_') || name.startsWith('attach_') ? 'refused' : 'runs';
      if (!name.startsWith('perhaps_')) assert.equal(verdict.state, expected, said);
    });
  }

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

test('of a kernel of which nothing is known, nothing is refused', () => {
  const nothing = { name: 'this kernel', version: [0, 0, 0] as const, architecture: 'x86_64' as const };
  const { programs } = checkObject(bytes, 'check.o', nothing);
  for (const { name, verdict } of programs) assert.notEqual(verdict.state, 'refused', name);
});
