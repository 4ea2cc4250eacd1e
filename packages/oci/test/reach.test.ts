// A removal must know what all other images need; what manifests say of it is kept, and trusted only as far as it is right.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Descriptor, MEDIA_TYPE, REF_NAME, Store, sha256 } from '../src/index.ts';
import { failsWith } from './helpers/errors.ts';
import { CONFIG_TYPE, PROGRAM_TYPE } from './helpers/image.ts';
import { tempDir } from './helpers/temp.ts';

/** A layout with images `x:0`, `x:1`, …, each with a program of its own and all with one config, written without fsync. */
function layoutOf(t: TestContext, count: number) {
  const dir = tempDir(t);
  mkdirSync(join(dir, 'blobs/sha256'), { recursive: true });
  const put = (text: string, mediaType: string): Descriptor => {
    const digest = sha256(Buffer.from(text));
    writeFileSync(join(dir, 'blobs', digest.replace(':', '/')), text);
    return { mediaType, digest, size: Buffer.byteLength(text) };
  };
  const config = put('{}', CONFIG_TYPE);
  const images = Array.from({ length: count }, (_, i) => {
    const layer = put(`program ${i}`, PROGRAM_TYPE);
    const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config, layers: [layer] };
    const entry = put(JSON.stringify(manifest), MEDIA_TYPE.manifest);
    // Of an index, one platform is here and one is not.
    const absent = { ...entry, digest: sha256(Buffer.from(`elsewhere ${i}`)) };
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [entry, absent] };
    const top = put(JSON.stringify(index), MEDIA_TYPE.index);
    return { own: [layer.digest, entry.digest, top.digest].sort(), entry, top };
  });
  const manifests = images.map(({ top }, i) => ({ ...top, annotations: { [REF_NAME]: `x:${i}` } }));
  writeFileSync(join(dir, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(dir, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  return { dir, images, config: config.digest, kept: join(dir, '.skep/children') };
}

const freedBy = async (dir: string, ref: string) => (await (await Store.open(dir)).remove(ref)).freed.sort();

test('what manifests say is read once: a later removal needs only its own', async (t) => {
  const { dir, images, config, kept } = layoutOf(t, 120);
  assert.deepEqual(await freedBy(dir, 'x:0'), images[0]?.own);
  assert.ok(existsSync(kept));
  // Were it read again, nobody would know what x:5 needs, and nothing could be deleted.
  const lost = images[5]?.entry.digest as string;
  truncateSync(join(dir, 'blobs', lost.replace(':', '/')), 3);
  const store = await Store.open(dir);
  assert.deepEqual((await store.remove('x:1')).freed.sort(), images[1]?.own);
  for (const digest of [...(images[5]?.own ?? []), config]) assert.ok(await store.hasBlob(digest), digest);
  // Who looks for damage is told of it all the same.
  assert.equal((await store.check()).problems.length, 1);
});

test('a file that is cut short, changed or from a later version counts for nothing', async (t) => {
  const { dir, images, kept, config } = layoutOf(t, 130);
  await freedBy(dir, 'x:0');
  const whole = readFileSync(kept, 'utf8');
  const layer = images[9]?.own.find(
    (d) => ![images[9]?.entry.digest, images[9]?.top.digest].includes(d),
  ) as string;
  const spoilt = [
    '',
    whole.slice(0, -100),
    whole.slice(0, whole.indexOf('\n') + 1),
    whole.replace(`\t${layer}`, ''),
    whole.replace('skep children 1', 'skep children 2'),
    'skep children 1 sha256:0000',
  ];
  for (const [i, text] of spoilt.entries()) {
    assert.notEqual(text, whole);
    writeFileSync(kept, text);
    assert.deepEqual(await freedBy(dir, `x:${i + 1}`), images[i + 1]?.own);
    const store = await Store.open(dir);
    for (const digest of [layer, config]) assert.ok(await store.hasBlob(digest), `${i}: ${digest}`);
    assert.notEqual(readFileSync(kept, 'utf8'), text, 'and is written anew');
  }
});

test('a platform that comes later is needed from then on', async (t) => {
  const { dir, images } = layoutOf(t, 120);
  const store = await Store.open(dir);
  // As if its other platform had not been fetched yet.
  const path = store.blobPath(images[7]?.entry.digest as string);
  const manifest = readFileSync(path);
  unlinkSync(path);
  await freedBy(dir, 'x:0');
  writeFileSync(path, manifest);
  await freedBy(dir, 'x:1');
  for (const digest of images[7]?.own ?? []) assert.ok(await store.hasBlob(digest), digest);
});

test('removals at once are one, each with its own answer; a shared blob is told once', async (t) => {
  const { dir, images, config } = layoutOf(t, 30);
  const store = await Store.open(dir);
  const all = images.map((_, i) => store.remove(`x:${i}`));
  await failsWith('SKEP_NOT_FOUND', () => store.remove('y:1'), /no image y:1/);
  await failsWith('SKEP_REFERENCE_INVALID', () => store.remove('NO//name'), /./);
  const done = await Promise.all(all);
  assert.deepEqual(
    done.map(({ removed }) => removed),
    images.map((_, i) => [`x:${i}`]),
  );
  const own = done.map(({ freed }) => freed.filter((d) => d !== config).sort());
  assert.deepEqual(
    own,
    images.map((image) => image.own),
  );
  assert.equal(done.filter(({ freed }) => freed.includes(config)).length, 1);
  assert.deepEqual([store.entries(), (await store.check()).blobs], [[], 0]);
});
