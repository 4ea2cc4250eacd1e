import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Btf, compileDecoder, Elf } from '@skep/bpf';
import { compile, describeObject, typeFormats } from '../src/index.ts';

// A checkout of github.com/solo-io/bumblebee, which is not part of this repository: SKEP_BEE_SOURCE=… node --test …
const folder = process.env.SKEP_BEE_SOURCE;

test("bee's own examples build unchanged, and every map decodes", {
  skip: folder === undefined && 'SKEP_BEE_SOURCE is not set',
}, async () => {
  const sources = globSync(join(folder ?? '', 'examples/*/*.c'));
  assert.equal(sources.length, 9);
  let programs = 0;
  let outputs = 0;
  for (const source of sources) {
    const { object } = await compile({ source });
    const d = describeObject(object, source);
    const btf = Btf.fromElf(Elf.parse(object));
    programs += d.programs.length;
    for (const map of d.maps) {
      if (map.output) outputs++;
      for (const id of [map.keyTypeId, map.valueTypeId].filter((id) => id !== 0)) {
        assert.ok(
          compileDecoder(btf, id, { format: typeFormats }).columns.length > 0,
          `${source}: ${map.name}`,
        );
      }
    }
  }
  assert.equal(programs, 22);
  assert.equal(outputs, 10);
});
