// Whole repositories: pushed, pulled and copied, with Debian's docker-registry.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import {
  copyAllTags,
  formatReference,
  MEDIA_TYPE,
  openRegistry,
  parseReference,
  pullAllTags,
  pushAllTags,
  pushReferrer,
  Store,
} from '../src/index.ts';
import { inOrder, Once } from '../src/registry/ahead.ts';
import { type RealRegistry, startRegistry } from './helpers/docker-registry.ts';
import { failsWith } from './helpers/errors.ts';
import { startFake } from './helpers/fake-registry.ts';
import { putTestImage } from './helpers/image.ts';
import { tempDir } from './helpers/temp.ts';

const COUNT = 20;
const dir = tempDir({ after });
let a: RealRegistry;
let b: RealRegistry;
before(async () => {
  [a, b] = await Promise.all([startRegistry(dir), startRegistry(dir)]);
});
after(() => Promise.all([a?.stop(), b?.stop()]));

async function all<T>(generator: AsyncGenerator<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of generator) found.push(one);
  return found;
}

test('every tag goes up, comes down and is copied, in order, and what they share goes once', async () => {
  const store = await Store.open(join(dir, 'store'));
  const name = `${a.host}/me/many`;
  const tags = Array.from({ length: COUNT }, (_, i) => `v${i}`);
  for (const tag of tags) await putTestImage(store, `${name}:${tag}`, `program ${tag}`);
  await putTestImage(store, `${a.host}/me/other:1`, 'other');
  const pushed = await all(pushAllTags(store, name));
  assert.deepEqual(
    pushed.map((p) => p.reference),
    tags.map((tag) => `${name}:${tag}`),
  );
  // One config for all of them, and a layer each.
  const sent = pushed.flatMap((p) => p.uploaded);
  assert.equal(new Set(sent).size, sent.length, 'no blob is sent twice');
  assert.equal(sent.length, COUNT + 1);
  assert.equal(pushed.flatMap((p) => p.existing).length, COUNT - 1);
  const second = await all(pushAllTags(store, name));
  assert.deepEqual(
    second.flatMap((p) => p.uploaded),
    [],
  );

  // One of them under a second name.
  using registry = await openRegistry(a.host);
  const third = await registry.getManifest('me/many', 'v3');
  await registry.putManifest('me/many', 'latest', third.bytes, third.mediaType);
  const subject = (await store.resolve(`${name}:v3`))!.descriptor;
  const signature = await pushReferrer(registry, 'me/many', subject, 'application/vnd.example', []);
  const copied = await all(copyAllTags(name, `${b.host}/mirror/many`));
  assert.deepEqual(
    copied.map((c) => c.reference).sort(),
    [...tags, 'latest'].map((t) => `${b.host}/mirror/many:${t}`).sort(),
  );
  assert.deepEqual(
    copied.flatMap((c) => c.referrers.map((digest) => [c.digest, digest])),
    [[subject.digest, signature.digest]],
    'once, though two names lead to it',
  );
  const carried = copied.flatMap((c) => c.uploaded);
  assert.equal(new Set(carried).size, carried.length, 'no blob is carried twice');

  // A second copy finds all there, a moved tag and a new signature not.
  await putTestImage(store, `${name}:v7`, 'moved');
  await all(pushAllTags(store, name));
  const later = await pushReferrer(registry, 'me/many', subject, 'application/vnd.later', []);
  const again = await all(copyAllTags(name, `${b.host}/mirror/many`));
  assert.equal(again.flatMap((c) => c.uploaded).length, 1, 'the layer of the moved one');
  assert.ok(again.flatMap((c) => c.referrers).includes(later.digest));
  pushed[7]!.digest = (await store.resolve(`${name}:v7`))!.descriptor.digest;

  const target = await Store.open(join(dir, 'pulled'));
  const pulled = await all(pullAllTags(target, `${b.host}/mirror/many`));
  assert.equal(pulled.length, COUNT + 1, 'the list of referrers is no image');
  const digests = new Map(pushed.map((p) => [p.reference.split(':').at(-1), p.digest]));
  digests.set('latest', subject.digest);
  for (const image of pulled) {
    const { tag } = parseReference(image.reference);
    assert.equal(image.descriptor.digest, digests.get(tag), image.reference);
  }
  const { problems } = await target.check();
  assert.deepEqual(problems, []);
});

test('what a registry cleaned away under its tags is sent again, and else nobody asks for it', async () => {
  const store = await Store.open(join(dir, 'cleaned'));
  const name = `${a.host}/me/cleaned`;
  const parts: string[] = [];
  for (let i = 0; i < COUNT; i++) {
    const { entry } = await putTestImage(store, `${name}-part:${i}`, `part ${i}`);
    parts.push(entry.digest);
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [entry] };
    await store.putImage(`${name}:${i}`, Buffer.from(JSON.stringify(index)), MEDIA_TYPE.index, {}, [entry]);
  }
  await all(pushAllTags(store, name));
  const fake = await startFake();
  using _fake = { [Symbol.dispose]: () => void fake.close() };
  const mirror = `${fake.host}/me/cleaned`;
  await all(copyAllTags(name, mirror));
  const asked = () => parts.filter((part) => fake.count('HEAD', `manifests/${part}`) > 0).length;
  const there = () => parts.filter((part) => fake.content.has(part)).length;
  fake.seen.length = 0;
  await all(copyAllTags(name, mirror));
  assert.equal(asked(), 16);
  // Nor is anything asked for twice.
  assert.equal(fake.count('HEAD', 'manifests/'), COUNT + 16);
  for (const i of parts.keys()) await store.tag(`${name}:${i}`, `${mirror}:${i}`);
  fake.seen.length = 0;
  await all(pushAllTags(store, mirror));
  assert.equal(asked(), 16);

  // As `registry garbage-collect --delete-untagged` leaves it.
  for (const part of parts) fake.content.delete(part);
  await all(copyAllTags(name, mirror));
  assert.equal(there(), COUNT);
  for (const part of parts) fake.content.delete(part);
  await all(pushAllTags(store, mirror));
  assert.equal(there(), COUNT);
});

test('of what is there already both ends are asked at once, and nothing is sent again', async () => {
  const store = await Store.open(join(dir, 'both'));
  const [source, target] = [await startFake(), await startFake()];
  using _fakes = { [Symbol.dispose]: () => void Promise.all([source.close(), target.close()]) };
  const name = `${source.host}/me/both`;
  const tags = Array.from({ length: COUNT }, (_, i) => `v${String(i).padStart(2, '0')}`);
  for (const tag of tags) await putTestImage(store, `${name}:${tag}`, `both ${tag}`);
  await all(pushAllTags(store, name));
  // Another name of one of them.
  source.content.set('me/both:alias', source.content.get('me/both:v07')!);
  const mirror = `${target.host}/me/both`;
  const first = await all(copyAllTags(name, mirror));
  assert.equal(first.length, COUNT + 1);

  // Sixteen are looked into, one end after the other. Of the rest the source answers when the target has been asked.
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const looked = new Set<string>();
  target.hook = (req) => {
    const tag = /manifests\/(\w+)$/.exec(req.url ?? '')?.[1];
    if (req.method === 'HEAD' && tag !== undefined) looked.add(tag);
    if (looked.size === COUNT + 1) resolve();
    return false;
  };
  source.hook = async (req) => {
    if (req.method === 'GET' && /manifests\/v19$/.test(req.url ?? '')) await asked;
    return false;
  };
  target.seen.length = 0;
  const again = await all(copyAllTags(name, mirror));
  assert.deepEqual(
    again.map(({ reference, digest }) => [reference, digest]),
    first.map(({ reference, digest }) => [reference, digest]),
  );
  assert.deepEqual(
    ['PUT', 'POST', 'PATCH'].map((method) => target.count(method, '')),
    [0, 0, 0],
  );
});

test('a manifest is not sent while an index that lists it is, or another name of it', async () => {
  const store = await Store.open(join(dir, 'turns'));
  const fake = await startFake();
  using _fake = { [Symbol.dispose]: () => void fake.close() };
  const name = `${fake.host}/me/turns`;
  // Under a name of its own, as other tools leave the parts of an index, and under two.
  const { entry } = await putTestImage(store, `${name}:1-amd64`, 'a part');
  await store.tag(`${name}:1-amd64`, `${name}:1`);
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [entry] };
  await store.putImage(`${name}:2`, Buffer.from(JSON.stringify(index)), MEDIA_TYPE.index, {}, [entry]);
  let running = 0;
  let most = 0;
  let puts = 0;
  fake.hook = async (req, res) => {
    if (req.method !== 'PUT' || !req.url?.includes('/manifests/')) return false;
    puts++;
    most = Math.max(most, ++running);
    for (let i = 0; i < 20; i++) await setImmediate();
    res.once('finish', () => running--);
    return false;
  };
  await all(pushAllTags(store, name));
  assert.deepEqual({ puts, most }, { puts: 4, most: 1 });
});

test('one image is no repository, and a failure leaves what was done before it', async () => {
  const store = await Store.open(join(dir, 'hurt'));
  const name = `${a.host}/me/hurt`;
  const images = [];
  for (const tag of ['a', 'b', 'c']) images.push(await putTestImage(store, `${name}:${tag}`, `hurt ${tag}`));
  rmSync(store.blobPath(images[1]!.layer.digest));
  const done: string[] = [];
  await failsWith('SKEP_STORE_CORRUPT', async () => {
    for await (const one of pushAllTags(store, name)) done.push(one.reference);
  });
  assert.deepEqual(done, [`${name}:a`]);
  const one = formatReference({ ...parseReference(name), tag: 'a' });
  await failsWith('SKEP_REFERENCE_INVALID', () => all(pullAllTags(store, one)), /one image/);
  await failsWith('SKEP_REFERENCE_INVALID', () => all(copyAllTags(name, one)), /one image/);
  await failsWith('SKEP_REFERENCE_INVALID', () => all(pullAllTags(store, 'local')), /no registry/);
  await failsWith('SKEP_NOT_FOUND', () => all(pullAllTags(store, `${a.host}/me/nothing`)));
});

test('work ahead: so many at once, results in order, nothing begins after a failure', async () => {
  let running = 0;
  let most = 0;
  const began: number[] = [];
  const task = async (n: number) => {
    began.push(n);
    most = Math.max(most, ++running);
    // Later ones end earlier.
    for (let turns = 20 - n; turns > 0; turns--) await Promise.resolve();
    running--;
    if (n === 6) throw new Error('six');
    return n;
  };
  const got: number[] = [];
  await assert.rejects(async () => {
    for await (const n of inOrder([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 3, task)) got.push(n);
  }, /six/);
  assert.deepEqual(got, [1, 2, 3, 4, 5]);
  assert.equal(most, 3);
  assert.ok(began.length < 12, `began ${began}`);
  assert.equal(running, 0, 'what was under way has ended');
  // Whoever stops listening waits for it too.
  for await (const n of inOrder([1, 2, 3, 4, 5], 3, task)) if (n === 1) break;
  assert.equal(running, 0);
  const once = new Once<number>();
  let asked = 0;
  const count = async () => ++asked;
  assert.deepEqual(await Promise.all([once.get('x', count), once.get('x', count)]), [1, 1]);
  await assert.rejects(once.get('y', () => Promise.reject(new Error('no'))));
  assert.equal(await once.get('y', count), 2, 'a failure is not kept');
});
