// The house rule of DESIGN: arrows point one way. A package that would import against one is a design error.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { suite, test } from 'node:test';
import { type Import, importsIn } from './imports.ts';

const root = join(import.meta.dirname, '../..');

/** What each package may import of ours. A package that is not here has not been thought about yet. */
const arrows: Record<string, readonly string[]> = {
  bpf: [],
  oci: [],
  probe: ['bpf', 'oci'],
  runtime: ['probe', 'bpf'],
  identity: [],
  agent: ['bpf', 'probe', 'runtime', 'identity'],
  cli: ['bpf', 'oci', 'probe', 'runtime', 'identity', 'agent'],
};

const packages = readdirSync(join(root, 'packages'));

test('every package has its arrows', () => {
  assert.deepEqual(packages.toSorted(), Object.keys(arrows).toSorted());
});

for (const name of packages) {
  suite(`packages/${name}`, () => {
    const allowed = (arrows[name] ?? []).map((p) => `@skep/${p}`);
    const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));
    const sources = importsIn(root, `packages/${name}/src`);
    const tests = importsIn(root, `packages/${name}/test`);

    test('names only what its arrows allow', () => {
      const ours = Object.keys(manifest.dependencies ?? {}).filter((d) => d.startsWith('@skep/'));
      assert.deepEqual(against(ours, allowed), []);
      const imported = [...sources, ...tests].filter((i) => i.names.startsWith('@skep/'));
      // What a package exports beside its front door is its own word; Node refuses the rest.
      const may = [...allowed, `@skep/${name}`];
      const wrong = imported.filter((i) => !may.includes(packageOf(i.names)));
      assert.deepEqual(wrong.map(sentence), []);
    });

    test('enters other packages by their front door', () => {
      const home = `packages/${name}/`;
      const outside = sources.filter(
        (i) => i.names.startsWith('.') && !resolved(i).startsWith(`${home}src/`),
      );
      assert.deepEqual(outside.filter((i) => resolved(i) !== `${home}package.json`).map(sentence), []);
      const far = tests.filter((i) => i.names.startsWith('.') && !resolved(i).startsWith(home));
      assert.deepEqual(far.filter((i) => !resolved(i).startsWith('test/support/')).map(sentence), []);
    });

    test('declares the npm packages it uses', () => {
      const bare = sources.filter((i) => !i.names.startsWith('.') && !isBuiltin(i.names));
      const known = new Set(Object.keys(manifest.dependencies ?? {}));
      assert.deepEqual(bare.filter((i) => !known.has(packageOf(i.names))).map(sentence), []);
    });
  });
}

function against(found: readonly string[], allowed: readonly string[]): string[] {
  return found.filter((f) => !allowed.includes(f));
}

function resolved(i: Import): string {
  return normalize(join(dirname(i.file), i.names));
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function sentence(i: Import): string {
  return `${i.file} imports ${i.names}`;
}
