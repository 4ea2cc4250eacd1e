import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  choosePlatform,
  MEDIA_TYPE,
  machinePlatform,
  OciError,
  parseDocument,
  parsePlatform,
} from '../src/index.ts';
import { failsWith } from './helpers/errors.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const blob = { mediaType: 'x/y', digest: DIGEST, size: 3 };
const good = { schemaVersion: 2, config: blob, layers: [blob, blob] };
const bytes = (v: unknown) => Buffer.from(typeof v === 'string' ? v : JSON.stringify(v));

test('a manifest as bee writes it has no mediaType of its own', () => {
  const d = parseDocument(bytes(good), MEDIA_TYPE.manifest, 'x');
  assert.equal(d.kind, 'manifest');
  assert.equal(parseDocument(bytes(good), undefined, 'x').kind, 'manifest');
  assert.equal(parseDocument(bytes({ schemaVersion: 2, manifests: [blob] }), undefined, 'x').kind, 'index');
});

test('broken manifests are refused, each with its reason', async () => {
  const cases: [unknown, RegExp][] = [
    ['', /not JSON/],
    ['\xff\xfe', /manifest of t.*not/],
    ['[]', /not a JSON object/],
    ['null', /not a JSON object/],
    [{ ...good, schemaVersion: 1 }, /schemaVersion/],
    [{ ...good, layers: {} }, /layers is not a list/],
    [
      { ...good, layers: [{ ...blob, digest: 'sha256:../../etc/passwd' }] },
      /layers\[0\] has no valid digest/,
    ],
    [{ ...good, layers: [{ ...blob, size: -1 }] }, /no valid size/],
    [{ ...good, layers: [{ ...blob, size: 1e300 }] }, /no valid size/],
    [{ ...good, config: undefined }, /config is not a descriptor/],
    [{ ...good, annotations: { a: 1 } }, /annotations/],
    [{ ...good, manifests: [] }, /at once/],
    [{ ...good, mediaType: MEDIA_TYPE.index }, /calls itself/],
    [{ ...good, subject: 5 }, /subject is not a descriptor/],
    [{ ...good, layers: [{ ...blob, platform: { os: 1 } }] }, /platform that is not valid/],
    [' '.repeat(4 * 1024 * 1024 + 1), /4 MiB/],
  ];
  for (const [doc, why] of cases) {
    await failsWith(
      'SKEP_MANIFEST_INVALID',
      () => parseDocument(bytes(doc), MEDIA_TYPE.manifest, 'The manifest of t'),
      why,
    );
  }
  await failsWith(
    'SKEP_MEDIA_TYPE',
    () => parseDocument(bytes(good), 'application/x-tar', 'The manifest of t'),
    /x-tar/,
  );
});

test('no bytes make the parser throw anything but our error', () => {
  const text = JSON.stringify({ ...good, annotations: { a: 'b' }, subject: blob });
  const flipped = fc.tuple(fc.nat(text.length - 1), fc.integer({ min: 0, max: 255 })).map(([at, value]) => {
    const b = Buffer.from(text);
    b[at] = value;
    return b;
  });
  const any = fc.oneof(flipped, fc.uint8Array({ maxLength: 200 }), fc.json().map(bytes));
  const type = fc.constantFrom(undefined, ...Object.values(MEDIA_TYPE));
  fc.assert(
    fc.property(any, type, (b, mediaType) => {
      try {
        const d = parseDocument(b, mediaType, 'x');
        if (d.kind === 'manifest')
          for (const l of [d.manifest.config, ...d.manifest.layers]) assert.match(l.digest, /^sha(256|512):/);
        return true;
      } catch (e) {
        return e instanceof OciError;
      }
    }),
    { numRuns: 3000 },
  );
});

test('of an index, the manifest for this machine is chosen', async () => {
  const here = machinePlatform();
  const arch = (architecture: string, n: string) => ({
    ...blob,
    digest: `sha256:${n.repeat(64)}`,
    platform: { os: here.os, architecture },
  });
  const index = {
    schemaVersion: 2 as const,
    manifests: [arch('riscv64', '1'), arch(here.architecture, '2'), arch('s390x', '3')],
  };
  assert.equal(choosePlatform(index, 'x').digest, `sha256:${'2'.repeat(64)}`);
  assert.equal(
    choosePlatform(index, 'x', { os: here.os, architecture: 's390x' }).digest,
    `sha256:${'3'.repeat(64)}`,
  );
  assert.equal(choosePlatform({ schemaVersion: 2, manifests: [blob] }, 'x'), blob);
  const e = await failsWith('SKEP_PLATFORM', () =>
    choosePlatform({ schemaVersion: 2, manifests: [arch('riscv64', '1')] }, 'x'),
  );
  assert.match(e.hint, /riscv64/);
});

test('a platform has several names', () => {
  const of = (architecture: string, variant?: string) => ({
    schemaVersion: 2 as const,
    manifests: [
      { ...blob, platform: { os: 'windows', architecture: 'amd64' } },
      { ...blob, platform: { os: 'Linux', architecture, ...(variant && { variant }) } },
    ],
  });
  const found = (index: ReturnType<typeof of>, said: string) => {
    try {
      return choosePlatform(index, 'x', parsePlatform(said)) === index.manifests[1];
    } catch {
      return false;
    }
  };
  for (const said of ['linux/arm64', 'linux/arm64/v8', 'linux/aarch64']) {
    assert.ok(found(of('arm64'), said) && found(of('arm64', 'v8'), said) && found(of('aarch64'), said), said);
    assert.ok(!found(of('arm', 'v7'), said), said);
  }
  assert.ok(found(of('amd64'), 'linux/x86_64') && found(of('x86_64'), 'linux/amd64'));
  assert.ok(found(of('arm', 'v7'), 'linux/arm') && found(of('arm', 'v7'), 'linux/arm/v7'));
  assert.ok(!found(of('arm', 'v7'), 'linux/arm/v6') && !found(of('arm', 'v6'), 'linux/arm/v7'));
});

test('a list with nothing in it may be null, as Go writes it', () => {
  const text = (fields: object) => Buffer.from(JSON.stringify({ schemaVersion: 2, ...fields }));
  const index = parseDocument(text({ manifests: null }), MEDIA_TYPE.index, 'x');
  assert.deepEqual(index.kind === 'index' && index.index.manifests, []);
  const manifest = parseDocument(text({ config: blob, layers: null }), MEDIA_TYPE.manifest, 'x');
  assert.deepEqual(manifest.kind === 'manifest' && manifest.manifest.layers, []);
});
