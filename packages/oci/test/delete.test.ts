import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openRegistry, push, pushReferrer, referrers, removeRemote, Store, tags } from '../src/index.ts';
import { type RealRegistry, startRegistry } from './helpers/docker-registry.ts';
import { failsWith } from './helpers/errors.ts';
import { startFake } from './helpers/fake-registry.ts';
import { putTestImage } from './helpers/image.ts';
import { tempDir } from './helpers/temp.ts';

const dir = tempDir({ after });
let deleting: RealRegistry;
let keeping: RealRegistry;
before(async () => {
  [deleting, keeping] = await Promise.all([startRegistry(dir, { deletes: true }), startRegistry(dir)]);
});
after(() => Promise.all([deleting?.stop(), keeping?.stop()]));

test("Debian's registry: the only tag takes its image along, one of two is refused, a digest takes all", async (t) => {
  const store = await Store.open(join(tempDir(t), 's'));
  const name = `${deleting.host}/x`;
  const { entry } = await putTestImage(store, `${name}:1`, 'program');
  await push(store, `${name}:1`);
  assert.deepEqual(await removeRemote(`${name}:1`), {
    untagged: `${name}:1`,
    deleted: `${name}@${entry.digest}`,
  });
  await failsWith('SKEP_NOT_FOUND', () => removeRemote(`${name}:1`));
  await store.tag(`${name}:1`, `${name}:2`);
  await push(store, `${name}:1`);
  await push(store, `${name}:2`);
  const { entry: other } = await putTestImage(store, `${name}:3`, 'another');
  await push(store, `${name}:3`);
  const e = await failsWith('SKEP_REGISTRY', () => removeRemote(`${name}:1`), /2 is the same image/);
  assert.match(e.hint, new RegExp(`rm --remote ${name}@${entry.digest}`));
  assert.deepEqual((await tags(name)).sort(), ['1', '2', '3'], 'nothing is gone');
  assert.deepEqual(await removeRemote(`${name}@${entry.digest}`), { deleted: `${name}@${entry.digest}` });
  assert.deepEqual(await tags(name), ['3']);
  assert.deepEqual(await removeRemote(`${name}:3`), {
    untagged: `${name}:3`,
    deleted: `${name}@${other.digest}`,
  });
});

test('a registry in which deleting is off says so', async (t) => {
  const store = await Store.open(join(tempDir(t), 's'));
  const name = `${keeping.host}/x`;
  await putTestImage(store, `${name}:1`, 'program');
  await push(store, `${name}:1`);
  const e = await failsWith('SKEP_REGISTRY', () => removeRemote(`${name}:1`), /lets nobody delete/);
  assert.match(e.hint, /storage\.delete\.enabled/);
  assert.deepEqual(await tags(name), ['1']);
});

test('where tags can be deleted, the image stays for the others; the token may delete', async (t) => {
  const fake = await startFake({ token: { user: 'me', password: 'secret' } });
  t.after(() => fake.close());
  const login = { username: 'me', password: 'secret' };
  const store = await Store.open(join(tempDir(t), 's'));
  const name = `${fake.host}/x`;
  await putTestImage(store, `${name}:1`, 'program');
  await store.tag(`${name}:1`, `${name}:2`);
  await push(store, `${name}:1`, login);
  await push(store, `${name}:2`, login);
  assert.deepEqual(await removeRemote(`${name}:1`, login), { untagged: `${name}:1` });
  assert.deepEqual(await tags(name, login), ['2']);
  assert.ok(fake.scopes.includes('repository:x:delete'));
});

test('a digest takes its tags along also where the registry would keep them, and no other', async (t) => {
  for (const tagsStay of [true, false]) {
    const fake = await startFake({ tagsStay });
    t.after(() => fake.close());
    const store = await Store.open(join(tempDir(t), 's'));
    const name = `${fake.host}/x`;
    const { entry } = await putTestImage(store, `${name}:1`, 'program');
    await store.tag(`${name}:1`, `${name}:2`);
    await putTestImage(store, `${name}:3`, 'another');
    for (const tag of ['1', '2', '3']) await push(store, `${name}:${tag}`);
    await store.tag(`${name}:3`, `${name}:4`);
    await push(store, `${name}:4`);
    // Somebody else takes a tag away meanwhile, which says nothing of what this registry does with tags.
    fake.hook = (_req, _res, { method }) => method === 'DELETE' && fake.content.delete('x:4') && false;
    assert.deepEqual(await removeRemote(`${name}@${entry.digest}`), { deleted: `${name}@${entry.digest}` });
    assert.deepEqual(await tags(name), ['3']);
    await failsWith('SKEP_NOT_FOUND', () => removeRemote(`${name}@${entry.digest}`));
  }
});

test('a referrer that is deleted leaves the list under its subject too', async (t) => {
  const store = await Store.open(join(tempDir(t), 's'));
  const name = `${deleting.host}/signed`;
  const { entry } = await putTestImage(store, `${name}:1`, 'program');
  await push(store, `${name}:1`);
  const registry = await openRegistry(deleting.host);
  t.after(() => registry.close());
  const made = [];
  for (const by of ['a', 'b']) {
    made.push(
      await pushReferrer(registry, 'signed', entry, 'application/x.sig', [], { annotations: { by } }),
    );
  }
  await removeRemote(`${name}@${made[0]?.digest}`);
  assert.deepEqual(
    (await referrers(registry, 'signed', entry.digest)).map((d) => d.digest),
    [made[1]?.digest],
  );
});

test('nothing is deleted by default', async () => {
  await failsWith('SKEP_REFERENCE_INVALID', () => removeRemote('h.example/x'), /names no tag/);
  await failsWith('SKEP_REFERENCE_INVALID', () => removeRemote('x:1'), /no registry/);
});
