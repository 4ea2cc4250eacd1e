// What check says of every program of the catalogue, and what the kernel then does with it, here and on every guest.
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { release } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { ensureTracefs, type KernelFacts, runningKernel, storedKernel } from '@skep/bpf';
import { fixture } from '../support/fixtures.ts';
import { agreement, agreementText, compare, type Tried } from './truth.ts';

const root = join(import.meta.dirname, '../..');
const skip = process.getuid?.() !== 0 && 'loading needs root';

/** The facts kept of this very kernel, if it is one of the matrix. */
function kept(): KernelFacts | undefined {
  const guest = process.env.SKEP_GUEST;
  return guest === undefined ? undefined : storedKernel(guest);
}

test('check never refuses what runs', { skip }, async (t) => {
  ensureTracefs();
  const objects: Tried[] = [];
  for (const source of globSync('probes/*/*.c', { cwd: root }).sort())
    objects.push({ name: `${basename(source, '.c')}.o`, bytes: await fixture(join(root, source)) });
  const stored = kept();
  const names = [`${release()}, asked`, ...(stored ? [`${release()}, from its facts`] : [])];
  const results = await compare(objects, stored ? [runningKernel(), stored] : [runningKernel()]);
  results.forEach((compared, i) => {
    t.diagnostic(agreementText(names[i]!, compared));
    const { slandered, programs } = agreement(compared);
    assert.deepEqual(slandered, []);
    assert.ok(programs > 30, `${programs} programs`);
  });
});
