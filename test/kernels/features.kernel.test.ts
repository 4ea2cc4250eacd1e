// The versions that features carry, compared with what each kernel can.
import assert from 'node:assert/strict';
import { release } from 'node:os';
import { test } from 'node:test';
import { ensureTracefs, kernelFeatures } from '@skep/bpf';
import { excused } from './exceptions.ts';
import { atLeast } from './versions.ts';

const kernel = process.env.SKEP_GUEST ?? 'own';
const skip = process.getuid?.() !== 0 && 'needs root';

test('this kernel has each feature that its version brought, and none that a later one did', { skip }, () => {
  ensureTracefs();
  const wrong: string[] = [];
  for (const feature of kernelFeatures()) {
    const name = `${feature.group}/${feature.name}`;
    const expected = atLeast(release(), feature.since);
    const { available, reason } = feature.probe();
    if (available === expected) continue;
    if (expected && excused(name, kernel)) continue;
    wrong.push(`${name}, since ${feature.since}: ${available ? 'there already' : `missing: ${reason}`}`);
  }
  assert.deepEqual(wrong, [], `on ${release()}`);
});

test('what is excused is missing indeed', { skip: process.getuid?.() !== 0 && 'needs root' }, () => {
  const stale = kernelFeatures()
    .filter((f) => excused(`${f.group}/${f.name}`, kernel) && f.probe().available)
    .map((f) => `${f.group}/${f.name}`);
  assert.deepEqual(stale, [], 'take these out of test/kernels/exceptions.ts');
});
