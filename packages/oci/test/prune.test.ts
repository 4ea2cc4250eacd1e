import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { MEDIA_TYPE, Store } from '../src/index.ts';
import { failsWith } from './helpers/errors.ts';
import { putTestImage } from './helpers/image.ts';
import { tempDir } from './helpers/temp.ts';

const WRITER = join(import.meta.dirname, 'helpers', 'writer.ts');

async function storeFor(t: TestContext): Promise<Store> {
  return Store.open(join(tempDir(t), 's'));
}

/** A blob without an image, as another tool leaves it. */
async function stray(store: Store, text: string, old: boolean): Promise<string> {
  const own = await Store.open(store.dir);
  const { digest } = await own.putBlob(Buffer.from(text), 'x');
  await own.close();
  const past = new Date(Date.now() - 2 * 3600 * 1000);
  if (old) utimesSync(store.blobPath(digest), past, past);
  return digest;
}

test('prune takes what no image needs: the old, with all also the young, never what is claimed', async (t) => {
  const store = await storeFor(t);
  const { digests } = await putTestImage(store, 'x:1', 'program');
  const old = await stray(store, 'old one', true);
  const young = await stray(store, 'young one', false);
  const { digest: claimed } = await (await Store.open(store.dir)).putBlob(Buffer.from('claimed'), 'x');
  const dry = await store.prune({ dryRun: true });
  assert.deepEqual(dry, { freed: [{ digest: old, size: 7 }], young: [{ digest: young, size: 9 }] });
  assert.ok(existsSync(store.blobPath(old)), 'nothing is gone');
  assert.deepEqual(await store.prune(), dry);
  assert.ok(!existsSync(store.blobPath(old)));
  assert.deepEqual(await store.prune({ all: true }), { freed: [{ digest: young, size: 9 }], young: [] });
  for (const digest of [...digests, claimed]) assert.ok(existsSync(store.blobPath(digest)));
  assert.deepEqual(await store.prune({ all: true }), { freed: [], young: [] });
});

test('with a broken manifest nothing is pruned', async (t) => {
  const store = await storeFor(t);
  const { entry } = await putTestImage(store, 'x:1', 'program');
  const loose = await stray(store, 'old one', true);
  truncateSync(store.blobPath(entry.digest), 3);
  const e = await failsWith('SKEP_STORE_CORRUPT', () => store.prune({ all: true }), /x:1 is broken/);
  assert.match(e.hint, /verify --store/);
  assert.ok(existsSync(store.blobPath(loose)));
});

test('a store that does not exist yet is pruned and sound', async (t) => {
  const store = await storeFor(t);
  assert.deepEqual(await store.prune(), { freed: [], young: [] });
  const found = await store.check();
  assert.deepEqual([found.images, found.blobs, found.problems], [0, 0, []]);
  assert.ok(!existsSync(store.dir), 'and not made');
});

test('a check names every damage and the images that it hits', async (t) => {
  const store = await storeFor(t);
  const good = await putTestImage(store, 'good:1', 'good');
  const flipped = await putTestImage(store, 'flipped:1', randomBytes(2_000_000));
  await store.tag('flipped:1', 'flipped:2');
  const cut = await putTestImage(store, 'cut:1', 'cut off');
  const missing = await putTestImage(store, 'missing:1', 'missing');
  const noManifest = await putTestImage(store, 'none:1', 'none');
  const loose = await stray(store, 'loose', false);
  const sound = await store.check();
  assert.deepEqual(sound.problems, []);
  assert.deepEqual(sound.unreferenced, [loose]);
  assert.equal(sound.images, 6);
  const bytes = randomBytes(2_000_000);
  writeFileSync(store.blobPath(flipped.layer.digest), bytes);
  truncateSync(store.blobPath(cut.layer.digest), 3);
  rmSync(store.blobPath(missing.layer.digest));
  truncateSync(store.blobPath(noManifest.entry.digest), 0);
  writeFileSync(store.blobPath(loose), 'other');
  writeFileSync(join(store.dir, 'blobs', 'sha256', 'README'), 'no blob');
  const { problems } = await store.check();
  const about = (digest: string) => problems.find((p) => p.digest === digest);
  assert.deepEqual(about(flipped.layer.digest)?.images, ['flipped:1', 'flipped:2']);
  assert.match(about(flipped.layer.digest)?.message ?? '', /another digest/);
  assert.deepEqual(about(cut.layer.digest)?.images, ['cut:1']);
  assert.deepEqual(about(missing.layer.digest)?.images, ['missing:1']);
  assert.match(about(missing.layer.digest)?.message ?? '', /is missing/);
  assert.deepEqual(about(noManifest.entry.digest)?.images, ['none:1']);
  assert.deepEqual(about(loose)?.images, []);
  assert.ok(problems.some((p) => /README is no blob/.test(p.message)));
  assert.equal(about(good.layer.digest), undefined);
  assert.equal(problems.length, 6);
});

test('platforms of an index that were never fetched are no damage, a size that is not so is', async (t) => {
  const store = await storeFor(t);
  const { entry } = await putTestImage(store, 'x:1', 'program');
  const { mediaType, digest, size } = entry;
  const put = (name: string, manifests: unknown[]) =>
    store.putImage(
      name,
      Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests })),
      MEDIA_TYPE.index,
    );
  const platform = { os: 'linux', architecture: 's390x' };
  await put('some:1', [
    { mediaType, digest, size },
    { mediaType, digest: `sha256:${'a'.repeat(64)}`, size: 7, platform },
  ]);
  assert.deepEqual((await store.check()).problems, []);
  await put('wrong:1', [{ mediaType, digest, size: size + 1 }]);
  const { problems } = await store.check();
  assert.deepEqual(
    problems.map((p) => p.images),
    [['wrong:1']],
  );
});

test('prune and check beside writers that are killed by -9: nothing done is lost, nothing is called damaged', async (t) => {
  const dir = tempDir(t);
  const store = await Store.open(dir);
  await putTestImage(store, 'first:1', 'program');
  const done = new Map<string, string>();
  const removing = new Set<string>();
  const writers = ['a', 'b'].map((name) => {
    const child = spawn(process.execPath, [WRITER, dir, name], { stdio: ['ignore', 'pipe', 'inherit'] });
    const reader = createInterface({ input: child.stdout });
    reader.on('line', (line) => {
      const [verb, ref = '', digest = ''] = line.split(' ');
      if (verb === 'put') done.set(ref, digest);
      else removing.add(ref);
    });
    return {
      child,
      started: once(reader, 'line'),
      ended: Promise.all([once(reader, 'close'), once(child, 'exit')]),
    };
  });
  await Promise.all(writers.map((w) => w.started));
  // Until there is enough to lose, however slow the disk is for those who write.
  for (let n = 0; n < 12 || done.size < 5; n++) {
    await store.prune({ all: true });
    assert.deepEqual((await store.check()).problems, []);
    if (n === 6) writers[0]?.child.kill('SIGKILL');
  }
  writers[1]?.child.kill('SIGKILL');
  await Promise.all(writers.map((w) => w.ended));
  const after = await Store.open(dir);
  await after.prune({ all: true });
  const found = await after.check();
  assert.deepEqual([found.problems, found.unreferenced], [[], []]);
  const images = new Map((await after.list()).map((i) => [i.reference, i.descriptor.digest]));
  for (const [ref, digest] of done) if (!removing.has(ref)) assert.equal(images.get(ref), digest, ref);
});
