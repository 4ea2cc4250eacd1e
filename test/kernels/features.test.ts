// Whether the matrix exercises every feature, and can tell since when: no kernel is booted for that.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelFeatures, mapTypes, programTypes } from '@skep/bpf';
import { exceptions, excused, unexercised } from './exceptions.ts';
import { kernels } from './table.ts';
import { atLeast } from './versions.ts';

const features = kernelFeatures();
const nameOf = (f: { group: string; name: string }) => `${f.group}/${f.name}`;

test('every feature carries a version, and every type is a feature', () => {
  for (const f of features) assert.match(f.since, /^\d+\.\d+$/, nameOf(f));
  assert.equal(new Set(features.map(nameOf)).size, features.length);
  const named = (group: string) => features.filter((f) => f.group === group).map((f) => f.name);
  assert.deepEqual(named('Program types'), programTypes.slice(1));
  assert.deepEqual(named('Map types'), mapTypes.slice(1));
});

test('every feature is exercised by a kernel of the matrix, or it is said why not', () => {
  const idle = features
    .filter(
      (f) => !kernels.some((k) => atLeast(k.name, f.sinceOn(k.architecture)) && !excused(nameOf(f), k.name)),
    )
    .map(nameOf);
  assert.deepEqual(idle.toSorted(), Object.keys(unexercised).toSorted());
});

test('exceptions are about features and kernels that there are', () => {
  for (const e of exceptions) {
    const feature = features.find((f) => nameOf(f) === e.feature);
    assert.ok(feature, e.feature);
    const those = kernels.filter(
      (k) => e.kernels.test(k.name) && atLeast(k.name, feature.sinceOn(k.architecture)),
    );
    assert.ok(those.length > 0 || e.kernels.test('own'), `${e.feature}: no kernel is meant`);
  }
});
