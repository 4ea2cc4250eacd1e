import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Store } from '../src/index.ts';
import { withLock } from '../src/store/lock.ts';
import { failsWith } from './helpers/errors.ts';
import { putTestImage } from './helpers/image.ts';
import { run } from './helpers/run.ts';
import { tempDir } from './helpers/temp.ts';

const WRITER = join(import.meta.dirname, 'helpers', 'writer.ts');

/** Starts a writer, kills it `ms` after its second line, and gives back the lines it said. */
async function writeAndKill(dir: string, name: string, ms: number): Promise<string[]> {
  const child = spawn(process.execPath, [WRITER, dir, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  const second = new Promise<void>((resolve) =>
    reader.on('line', (line) => {
      if (lines.push(line) === 2) resolve();
    }),
  );
  const closed = Promise.all([once(reader, 'close'), once(child, 'exit')]);
  await Promise.race([second, closed]);
  await wait(ms); // the moment of the kill is the random part of this test
  child.kill('SIGKILL');
  await closed;
  return lines;
}

test('writers killed by -9 at any moment, side by side, leave a valid store with all that they reported', async (t) => {
  const dir = tempDir(t);
  const done = new Map<string, string>();
  const removing = new Set<string>();
  let writes = 0;
  for (let round = 0; round < 4; round++) {
    const names = [0, 1, 2].map((n) => `w${round}-${n}`);
    const said = await Promise.all(names.map((name) => writeAndKill(dir, name, Math.random() * 250)));
    for (const line of said.flat()) {
      const [verb, ref = '', digest = ''] = line.split(' ');
      if (verb === 'put') done.set(ref, digest);
      else removing.add(ref);
      writes++;
    }
    const store = await Store.open(dir);
    assert.deepEqual(readdirSync(join(dir, '.skep', 'work')), [], 'the next open cleans up');
    const images = new Map((await store.list()).map((i) => [i.reference, i]));
    for (const [ref, digest] of done) {
      if (removing.has(ref)) continue;
      const image = images.get(ref);
      assert.ok(image, `${ref} was reported done, but is missing`);
      assert.equal(image.descriptor.digest, digest);
    }
    for (const image of images.values()) {
      assert.equal(image.damaged, undefined);
      for (const blob of [image.manifest.config, ...image.manifest.layers]) await store.readBlob(blob.digest);
    }
  }
  assert.ok(writes > 20, `only ${writes} steps were seen`);
  const store = await Store.open(dir);
  const [first] = await store.list();
  await run('skopeo', ['copy', `oci:${dir}:${first?.reference}`, `oci:${join(tempDir(t), 'copy')}:x`]);
  // Nothing lies about that no image needs: what dead writers had begun is gone.
  const needed = new Set<string>();
  for (const image of await store.list()) {
    for (const d of [image.descriptor, image.manifest.config, ...image.manifest.layers])
      needed.add(d.digest.slice(7));
  }
  assert.deepEqual(new Set(readdirSync(join(dir, 'blobs', 'sha256'))), needed);
  assert.ok(!readdirSync(join(dir, '.skep')).some((f) => f.startsWith('lock')));
});

test('parallel writers of one process lose nothing', async (t) => {
  const dir = tempDir(t);
  const stores = await Promise.all([1, 2, 3, 4].map(() => Store.open(dir)));
  await Promise.all(
    stores.flatMap((store, n) =>
      [0, 1, 2, 3, 4].map((i) => putTestImage(store, `s${n}:${i}`, `program ${i % 2}`)),
    ),
  );
  assert.equal((await stores[0]?.list())?.length, 20);
  await Promise.all(stores.flatMap((store, n) => [0, 1, 2, 3].map((i) => store.remove(`s${n}:${i}`))));
  const left = await (await Store.open(dir)).list();
  assert.equal(left.length, 4);
  assert.ok(left.every((i) => i.damaged === undefined));
  for (const image of left) await stores[0]?.readBlob(image.manifest.layers[0]?.digest as string);
  assert.deepEqual(readdirSync(join(dir, '.skep', 'work')), []);
});

test("a dead holder's lock is taken over by exactly one process, through a chain of dead ones too", async (t) => {
  const dir = tempDir(t);
  mkdirSync(dir, { recursive: true });
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  const { selfOwner } = await import('../src/store/owner.ts');
  const dead = (n: string) =>
    selfOwner()
      .replace(/^\d+-\d+/, `${child.pid}-1`)
      .concat(`.${n}`);
  symlinkSync(dead('a'), join(dir, 'lock'));
  symlinkSync(dead('b'), join(dir, `lock.after.${dead('a')}`));
  let inside = 0;
  let most = 0;
  let runs = 0;
  const turn = () =>
    withLock(dir, async () => {
      inside++;
      most = Math.max(most, inside);
      runs++;
      await wait(1);
      inside--;
    });
  await Promise.all([turn(), turn(), turn()]);
  assert.deepEqual({ most, runs }, { most: 1, runs: 3 });
  assert.deepEqual(readdirSync(dir), []);
});

test('a failure inside the lock lets it go', async (t) => {
  const dir = tempDir(t);
  await assert.rejects(
    withLock(dir, () => Promise.reject(new Error('inside'))),
    /inside/,
  );
  assert.equal(await withLock(dir, async () => 7), 7);
});

test('the holder of a store that cannot be locked is named', async (t) => {
  const dir = tempDir(t);
  const { selfOwner } = await import('../src/store/owner.ts');
  symlinkSync(`${selfOwner()}.x`, join(dir, 'lock'));
  const e = await failsWith(
    'SKEP_STORE_BUSY',
    () => withLock(dir, async () => 0, 50),
    new RegExp(`process ${process.pid}`),
  );
  assert.match(e.hint, /remove that link/);
});

test('a holder that has much to do says that it lives', async (t) => {
  const dir = tempDir(t);
  await withLock(
    dir,
    async () => {
      const since = () => lstatSync(join(dir, 'lock')).mtimeMs;
      const before = since();
      // A beat is 5 ms here, and no event.
      const end = Date.now() + 10_000;
      while (since() === before && Date.now() < end) await wait(1);
      assert.notEqual(since(), before);
    },
    undefined,
    5,
  );
  assert.deepEqual(readdirSync(dir), []);
});
