// Other people's programs: the objects of libbpf-tools, as Debian built them, on every kernel of the matrix. Each is
// loaded, and in a guest attached for an instant, or refused, and check says beforehand which.
import assert from 'node:assert/strict';
import { release } from 'node:os';
import { test } from 'node:test';
import { ensureTracefs, type KernelFacts, runningKernel } from '@skep/bpf';
import { type Attach, agreement, agreementText, compare, objectsIn } from '../check/truth.ts';
import { corpus } from './fetch.ts';
import { targetsOf, unattached } from './settings.ts';

const skip = process.getuid?.() !== 0 && 'loading needs root';
const guest = process.env.SKEP_GUEST !== undefined;

/** A machine with other programs on it is not watched: there they are loaded only. */
const attach: Attach = (object, name, target) => {
  const program = object.program(name);
  if (guest && !unattached.has(program.type)) program.attach({ target }).close();
};

/** What matters where nothing is attached: a kprobe loads on kernels that have none. */
function loading(facts: KernelFacts): KernelFacts {
  const hooks = { ...facts.hooks, kprobe: true };
  return Object.create(facts, { hooks: { value: hooks }, functions: {}, tracepoints: {} }) as KernelFacts;
}

test('the tools of libbpf-tools load here, or are refused as check said', { skip }, async (t) => {
  ensureTracefs();
  const folder = process.env.SKEP_CORPUS ?? (await corpus());
  const objects = objectsIn(folder).map((o) => ({ ...o, targets: targetsOf(o.name.replace(/\.o$/, '')) }));
  assert.ok(objects.length > 50, `${objects.length} objects`);
  const [compared] = await compare(objects, [guest ? runningKernel() : loading(runningKernel())], attach);
  t.diagnostic(agreementText(`libbpf-tools on ${release()}`, compared!));
  const { slandered, surprised, programs } = agreement(compared!);
  assert.ok(programs > 200, `${programs} programs`);
  assert.deepEqual(slandered, []);
  // Whatever the kernel says, the user is told more than its number.
  for (const { object, program, wrong } of surprised)
    assert.doesNotMatch(wrong!, /\b(EINVAL|EPERM|ENOTSUP|EOPNOTSUPP)\b[^"]*$/, `${object} ${program}`);
});
