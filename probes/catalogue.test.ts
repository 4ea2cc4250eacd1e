import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { Store } from '@skep/oci';
import { packImage, unpackImage } from '@skep/probe';
import { aboutImage, extrasOf } from '../packages/cli/src/build-folder.ts';
import { fixture } from '../test/support/fixtures.ts';
import { catalogue, documents, type Entry, PROBES, probeNames } from './support/catalogue.ts';

let entries: Entry[];
before(async () => {
  entries = await catalogue();
});

const SCHEMA = '# yaml-language-server: $schema=../../docs/schema/skep.schema.json\n';

for (const name of probeNames()) {
  test(`${name} has its source, metadata, README and a test in the kernel`, () => {
    const file = (suffix: string) => readFileSync(join(PROBES, name, suffix), 'utf8');
    const { about, reference } = entries.find((e) => e.name === name)!;
    ok(file('skep.yaml').startsWith(SCHEMA), 'editors find the schema');
    strictEqual(about?.name, name);
    ok(about.version && about.description && about.authors);
    deepStrictEqual(
      about.sources?.filter((source) => !existsSync(join(PROBES, name, source))),
      [],
    );
    match(file(`${name}.c`), new RegExp(`^// SPDX-License-Identifier: ${about.license}\n`));
    match(file(`${name}.kernel.test.ts`), new RegExp(`watch\\(\\s*'${name}'`));
    ok(file('README.md').startsWith(`# ${name}\n`));
    for (const param of ['target_pid', 'target_comm', 'target_cgroup'])
      ok(
        reference.object.params.some((p) => p.name === param),
        `can be narrowed by ${param}`,
      );
  });

  test(`${name} says what each of its columns, maps and parameters is`, () => {
    const { reference } = entries.find((e) => e.name === name)!;
    const silent = [
      ...reference.rows.flatMap((s) => [s, ...s.fields]),
      ...reference.metrics,
      ...reference.object.params,
    ].filter(({ help }) => !help);
    deepStrictEqual(silent, []);
    ok(reference.rows.length + reference.metrics.length > 0);
  });
}

test('each image is under 100 kB', async (t) => {
  const temporary = mkdtempSync(join(tmpdir(), 'skep-catalogue-'));
  t.after(() => rmSync(temporary, { recursive: true }));
  const store = await Store.open(temporary);
  const sizes = new Map<string, number>();
  for (const { name } of entries) {
    const dir = join(PROBES, name);
    const bytes = await fixture(join(dir, `${name}.c`));
    const about = await aboutImage(dir, {});
    const extras = await extrasOf(dir, [], [], {}, name);
    const objects = [{ name: `${name}.o`, bytes }];
    const { size } = await packImage(store, `${name}:1`, { ...about, extras, name, objects });
    sizes.set(name, size);
    // Packed, it is still the object that was built.
    const [object] = (await unpackImage(store, (await store.resolve(`${name}:1`))!)).objects;
    ok(Buffer.from(object!.bytes).equals(bytes), name);
  }
  strictEqual(sizes.size, probeNames().length);
  deepStrictEqual(
    [...sizes].filter(([, size]) => size >= 100_000),
    [],
  );
});

// The objects of other architectures have other system calls, and so other hooks.
test('the READMEs say what the objects do', {
  skip: process.arch !== 'x64' && 'made for x86-64',
}, async () => {
  for (const [file, text] of await documents(entries)) {
    ok(text.includes('<!-- made '), `${file} has no made part`);
    ok(readFileSync(file, 'utf8') === text, `${file} is old: run node probes/support/write.ts`);
  }
});
