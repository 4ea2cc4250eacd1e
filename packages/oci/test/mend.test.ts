// What is damaged on the disk: found by a pull, and put right by it, whoever is killed meanwhile.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { MEDIA_TYPE, pull, pullAllTags, pushAllTags, Store } from '../src/index.ts';
import { type RealRegistry, startRegistry } from './helpers/docker-registry.ts';
import { failsWith } from './helpers/errors.ts';
import { putTestImage } from './helpers/image.ts';
import { tempDir } from './helpers/temp.ts';

const dir = tempDir({ after });
let a: RealRegistry;
before(async () => {
  a = await startRegistry(dir);
});
after(() => a?.stop());

async function all<T>(generator: AsyncGenerator<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of generator) found.push(one);
  return found;
}

test('a pull mends manifests of the store that are damaged, alone and with all tags', async () => {
  const source = await Store.open(join(dir, 'indexes'));
  const name = `${a.host}/me/indexed`;
  const { entry, digests } = await putTestImage(source, `${name}:part`, 'in an index');
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [entry] };
  const blob = await source.putImage(
    `${name}:whole`,
    Buffer.from(JSON.stringify(index)),
    MEDIA_TYPE.index,
    {},
    [entry],
  );
  await all(pushAllTags(source, name));
  const store = await Store.open(join(dir, 'mended'));
  await pull(store, `${name}:whole`, { platform: 'all' });
  const damage = () => {
    for (const digest of [blob.digest, entry.digest]) {
      const file = store.blobPath(digest);
      writeFileSync(file, readFileSync(file, 'utf8').replace('schemaVersion', 'schemaVersiom'));
    }
  };
  damage();
  await failsWith('SKEP_STORE_CORRUPT', () => store.readBlob(entry.digest));
  await pull(store, `${name}:whole`, { platform: 'all' });
  for (const digest of [blob.digest, ...digests]) await store.readBlob(digest);
  damage();
  await all(pullAllTags(store, name, { platform: 'all' }));
  for (const digest of [blob.digest, ...digests]) await store.readBlob(digest);
  assert.deepEqual((await store.check()).problems, []);
});

test('a pull, and content that is put again, mend blobs that are damaged and have their size', async () => {
  const source = await Store.open(join(dir, 'sound'));
  const name = `${a.host}/me/sound`;
  const { layer, digests } = await putTestImage(source, `${name}:1`, randomBytes(3 << 20));
  await all(pushAllTags(source, name));
  const store = await Store.open(join(dir, 'unsound'));
  assert.deepEqual((await pull(store, `${name}:1`)).arrived.sort(), [...digests].sort());
  assert.deepEqual((await pull(store, `${name}:1`)).arrived, []);
  const damage = (at: number, digest = layer.digest) => {
    const content = readFileSync(store.blobPath(digest));
    content[at]! ^= 1;
    writeFileSync(store.blobPath(digest), content);
  };
  damage(layer.size - 1);
  assert.deepEqual(
    (await store.check()).problems.map((p) => [p.digest, p.images]),
    [[layer.digest, [`${name}:1`]]],
  );
  assert.deepEqual((await pull(store, `${name}:1`)).arrived, [layer.digest]);
  assert.deepEqual((await store.check()).problems, []);
  // The config, which has two bytes.
  damage(0, digests[0]);
  assert.deepEqual((await all(pullAllTags(store, name)))[0]?.arrived, [digests[0]]);
  damage(7);
  await store.putBlob(readFileSync(source.blobPath(layer.digest)), layer.mediaType);
  assert.deepEqual((await store.check()).problems, []);
});

test('pulls killed by -9 leave a damaged blob or a whole one, and the last mends it', async () => {
  const name = `${a.host}/me/killed`;
  const { layer } = await putTestImage(
    await Store.open(join(dir, 'kill-source')),
    `${name}:1`,
    randomBytes(8 << 20),
  );
  await all(pushAllTags(await Store.open(join(dir, 'kill-source')), name));
  const folder = join(dir, 'killed');
  const store = await Store.open(folder);
  await pull(store, `${name}:1`);
  const path = store.blobPath(layer.digest);
  const bad = readFileSync(path);
  bad[1 << 20]! ^= 1;
  const code = `const { pull, Store } = await import(${JSON.stringify(import.meta.resolve('../src/index.ts'))});
    const store = await Store.open(${JSON.stringify(folder)});
    process.stdout.write('.');
    await pull(store, ${JSON.stringify(`${name}:1`)});`;
  for (let round = 0; round < 6; round++) {
    writeFileSync(path, bad);
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    await Promise.race([once(child.stdout, 'data'), ended]);
    await wait(Math.random() * 80); // the moment of the kill is the random part of this test
    child.kill('SIGKILL');
    await ended;
    const again = await Store.open(folder);
    assert.equal(readFileSync(path).length, layer.size);
    assert.deepEqual(readdirSync(join(folder, '.skep', 'work')), []);
    await pull(again, `${name}:1`);
    assert.deepEqual((await again.check()).problems, []);
  }
});
