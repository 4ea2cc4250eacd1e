// docs/image-spec.md beside what is built: its examples are one image, made of the two files that it shows.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseDocument, Store } from '@skep/oci';
import { imageConfigSchema } from '../src/image/config-schema.ts';
import { ARTIFACT_TYPE, BTF_TYPE, EXTRA_TYPES, IMAGE_CONFIG_TYPE, OBJECT_TYPE } from '../src/image/layout.ts';
import { compile, type ProbeImage, packImage } from '../src/index.ts';
import { parseMetadata } from '../src/metadata/parse.ts';
import { Folder } from './support.ts';

const root = join(import.meta.dirname, '../../..');
const spec = readFileSync(join(root, 'docs/image-spec.md'), 'utf8');

function blocks(language: string): string[] {
  return [...spec.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    (m) => m[1] as string,
  );
}

/** Digests and sizes hang on the compiler: each is called by its place. */
function withoutDigests(json: unknown): string {
  return JSON.stringify(json, undefined, 1)
    .replace(/sha256:[0-9a-f]{64}/g, 'sha256:…')
    .replace(/"size": \d+/g, '"size": 0');
}

test('the examples of the specification are what is written, byte for byte but for digests', async () => {
  using folder = new Folder();
  const [yaml, c] = [blocks('yaml')[0]!, blocks('c')[0]!];
  const about = parseMetadata(yaml, 'skep.yaml');
  const { object, skepHeader } = await compile({ source: folder.write('calls.c', c) });
  const image = (platform: string): ProbeImage => ({
    name: about.name,
    title: about.name,
    version: about.version,
    description: about.description,
    authors: about.authors?.join(', '),
    licenses: about.license,
    source: about.source,
    params: about.params,
    objects: [{ name: 'calls.o', bytes: object }],
    platform,
    skepHeader,
    created: new Date(1767225600_000),
  });
  const store = await Store.open(join(folder.path, 'store'));
  const stored = await packImage(store, 'calls:1.2.0', [image('linux/amd64'), image('linux/arm64')]);
  const amd64 = await store.resolve('calls:1.2.0', { os: 'linux', architecture: 'amd64' });
  const config = JSON.parse(Buffer.from(await store.readBlob(amd64!.manifest.config.digest)).toString());
  const [index, manifest, shownConfig] = blocks('json').map((text) => JSON.parse(text));
  assert.equal(withoutDigests(index), withoutDigests(stored.index));
  assert.equal(withoutDigests(manifest), withoutDigests(amd64!.manifest));
  assert.equal(withoutDigests(shownConfig), withoutDigests(config));
  // The schema is right if a validator of other makers takes the examples and refuses what is wrong.
  const wrong = [
    { ...config, schemaVersion: 2 },
    { ...config, objects: [] },
    { ...config, attach: ['nowhere'] },
  ];
  assert.deepEqual(valid([config, shownConfig, { ...config, later: 1 }, ...wrong]), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
  // What the examples call each other by is right among themselves.
  for (const text of blocks('json').slice(0, 2)) parseDocument(Buffer.from(text), undefined, 'the example');
  assert.equal(shownConfig.objects[0].digest, manifest.layers[0].digest);
});

test('the specification names every media type, and the published schema is the one of the code', () => {
  const types = [ARTIFACT_TYPE, IMAGE_CONFIG_TYPE, OBJECT_TYPE, BTF_TYPE, ...Object.values(EXTRA_TYPES)];
  for (const type of types) assert.ok(spec.includes(`\`${type}\``), type);
  const published = JSON.parse(readFileSync(join(root, 'docs/schema/image-config.schema.json'), 'utf8'));
  assert.deepEqual(published, imageConfigSchema(), 'run node packages/probe/scripts/schema.ts');
});

/** Whether each is what the published schema says, by Python's jsonschema. */
function valid(documents: readonly unknown[]): boolean[] {
  const tools = execFileSync('sh', [join(root, 'scripts/kube-tools.sh')], { encoding: 'utf8' }).trim();
  const program = `import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
print(json.dumps([jsonschema.Draft7Validator(schema).is_valid(d) for d in json.load(sys.stdin)]))`;
  const schema = join(root, 'docs/schema/image-config.schema.json');
  const out = execFileSync('/usr/bin/python3', ['-c', program, schema], {
    input: JSON.stringify(documents),
    env: { ...process.env, PYTHONPATH: tools },
    encoding: 'utf8',
  });
  return JSON.parse(out);
}
