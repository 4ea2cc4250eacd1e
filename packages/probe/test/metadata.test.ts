import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { filesInTar } from '@skep/oci/tar';
import fc from 'fast-check';
import { gatherExtras } from '../src/image/gather-extras.ts';
import { metadataSchema, ProbeError, readMetadata } from '../src/index.ts';
import { parseMetadata } from '../src/metadata/parse.ts';
import { Folder } from './support.ts';

const WHOLE = `# yaml-language-server: $schema=skep.schema.json
name: oomkill
version: 1.10
description: >
  Processes that the kernel killed
  for want of memory
authors: [A. Author, "B. Author <b@example.com>"]
license: GPL-2.0 OR BSD-2-Clause
source: https://example.com/oomkill
sources:
  - oomkill.c
  - lib/more.bpf.c
`;

test('every key is read, and a version stays as it is written', () => {
  assert.deepEqual(parseMetadata(WHOLE, 'skep.yaml'), {
    name: 'oomkill',
    version: '1.10',
    description: 'Processes that the kernel killed for want of memory',
    authors: ['A. Author', 'B. Author <b@example.com>'],
    license: 'GPL-2.0 OR BSD-2-Clause',
    source: 'https://example.com/oomkill',
    sources: ['oomkill.c', 'lib/more.bpf.c'],
  });
  assert.deepEqual(parseMetadata('name: x\nauthors: me', 'f'), { name: 'x', authors: ['me'] });
  const blanks =
    'name: x\ndescription: |\n  two\n  lines\nsources: ["a  b.c"]\nparams: ["greeting=good  day"]\nshow: [counter=calls, "events:event"]';
  assert.deepEqual(parseMetadata(blanks, 'f'), {
    name: 'x',
    description: 'two lines',
    sources: ['a  b.c'],
    params: ['greeting=good  day'],
    show: ['counter=calls', 'events:event'],
  });
});

/** Texts that are refused, with what the message must say, line included. */
const WRONG: [text: string, says: RegExp][] = [
  ['', /^p\/skep\.yaml:1: There must be keys and values/],
  ['- a', /:1: There must be keys/],
  ['name: x\nlabel: y', /:2: "label" is no key of skep\.yaml/],
  ['name: x\n? [a]\n: y', /:2: A key must be a word/],
  ['version: 1', /:1: There is no "name"/],
  ['version: 1\nname: Oom Kill', /:2: "name" must be lower-case letters/],
  ['name:', /:1: "name" must be/],
  ['name: x\n\nversion: [1]', /:3: "version" must be one text, not a list/],
  ['name: x\nversion: 1+2', /:2: "version" must be at most 128/],
  ['name: x\nshow: [table=calls]', /:2: "show" must be MAP, KIND=MAP/],
  ['name: x\nauthors: []', /:2: "authors" must be a list with something in it/],
  ['name: x\nauthors:\n  - a\n  - {b: c}', /:4: "authors" must be names/],
  ['name: x\nsource: example.com', /:2: "source" must be an address/],
  ['name: x\nsources: x.c', /:2: "sources" must be a list/],
  ['name: x\nsources: [x.c, x.c]', /:2: "sources" must be a list without repetitions/],
  ['name: x\nsources:\n- ../x.c', /:3: "sources" must be \.c or \.o files in this folder/],
  ['name: x\nsources: [/etc/x.c]', /:2: "sources"/],
  ['name: x\nsources: [a/../../x.c]', /:2: "sources"/],
  ['name: x\nname: y', /:2: .*unique/],
  ['name: &a x\nversion: *a', /:2: "version" must be/],
  ['name: x\ndescription: "a\\e[31mb"', /:2: "description" must be a text/],
  ['name: "x', /:1: .*quote/],
  ['name: x\n---\nname: y', /:2: .*multiple documents/],
];

for (const [text, says] of WRONG) {
  test(`refused: ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseMetadata(text, 'p/skep.yaml'),
      (e) => e instanceof ProbeError && e.code === 'SKEP_METADATA' && says.test(e.message) && e.hint !== '',
    );
  });
}

test('any change of it is read or refused with a line', () => {
  const edits = fc.tuple(fc.nat(WHOLE.length), fc.nat(5), fc.string({ unit: 'grapheme', maxLength: 4 }));
  fc.assert(
    fc.property(edits, ([at, cut, put]) => {
      try {
        assert.ok(parseMetadata(WHOLE.slice(0, at) + put + WHOLE.slice(at + cut), 'skep.yaml').name);
      } catch (e) {
        assert.ok(e instanceof ProbeError && /^skep\.yaml:\d+: \S/.test(e.message), String(e));
      }
    }),
    { numRuns: 500 },
  );
});

test('a folder without one has none; what is no file or too large is refused', async () => {
  using folder = new Folder();
  assert.equal(await readMetadata(folder.path), undefined);
  assert.equal(await readMetadata(join(folder.path, 'nowhere')), undefined);
  folder.write('a/skep.yaml', 'name: a');
  assert.deepEqual(await readMetadata(join(folder.path, 'a')), { name: 'a' });
  mkdirSync(join(folder.path, 'b/skep.yaml'), { recursive: true });
  await assert.rejects(readMetadata(join(folder.path, 'b')), /b\/skep\.yaml is no file/);
  folder.write('c/skep.yaml', `name: a\n#${'x'.repeat(65536)}`);
  await assert.rejects(readMetadata(join(folder.path, 'c')), /more than the 64 KiB/);
});

interface Schema {
  properties: Record<string, { examples: [string | string[]] }>;
}

test('the published schema is the one that the fields make, and its patterns agree with ours', () => {
  const file = join(import.meta.dirname, '../../../docs/schema/skep.schema.json');
  const published: Schema = JSON.parse(readFileSync(file, 'utf8'));
  assert.deepEqual<unknown>(published, metadataSchema(), 'run node packages/probe/scripts/schema.ts');
  for (const [name, property] of Object.entries(published.properties)) {
    const example = JSON.stringify(property.examples[0]);
    assert.ok(parseMetadata(`name: x\n${name === 'name' ? '' : `${name}: ${example}`}`, 'example'), name);
  }
});

test('embedded sources say how they are built again, whatever the files are called', async () => {
  for (const file of ['plain.bpf.c', 'a, b: c.c', '..x.c', '123.c', '#.c', "it's.c"]) {
    using folder = new Folder();
    const path = folder.write(file, 'int x;');
    for (const name of ['plain', 'true', '123']) {
      const [layer] = await gatherExtras({ dir: folder.path, sources: [path], embed: [path], name });
      const files = await filesInTar(layer!.bytes, 'refuse');
      const text = Buffer.from(files.find((f) => f.name === 'skep.yaml')!.bytes).toString();
      const { sources, ...more } = parseMetadata(text, 'skep.yaml');
      assert.deepEqual({ sources, name: more.name }, { sources: [file], name }, text);
      assert.ok(files.some((f) => f.name === file));
    }
  }
  using folder = new Folder();
  const path = folder.write('in/a.c', '');
  const embed = [folder.write('out.h', '')];
  const outside = gatherExtras({ dir: join(folder.path, 'in'), sources: [path], embed, name: 'x' });
  await assert.rejects(outside, /out\.h lies outside/);
});
