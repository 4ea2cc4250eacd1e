/** The agent's programs only look: it loads them without asking, so what was built is asked here. */
import { deepStrictEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { BpfObject } from '@skep/bpf';
import { effectsOf } from '@skep/probe';
import { IMAGES, readImage } from '../src/images/images.ts';

test('no program of the agent, on whichever rung, can do more than look', () => {
  for (const name of IMAGES) {
    const object = BpfObject.open(readImage(name).bytes, { name });
    ok(object.programs.length > 0, name);
    deepStrictEqual([...effectsOf(object.elf, object.btf, object.programs)], [], name);
    object.close();
  }
});
