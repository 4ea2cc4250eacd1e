import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MEDIA_TYPE, parseDocument, parsePlatform, REF_NAME, Store } from '../src/index.ts';
import { storeError } from '../src/store/fs.ts';
import { failsWith } from './helpers/errors.ts';
import { CONFIG_TYPE, PROGRAM_TYPE, putTestImage } from './helpers/image.ts';
import { run } from './helpers/run.ts';
import { tempDir } from './helpers/temp.ts';

test('an image is found by every name a person may use', async (t) => {
  const store = await Store.open(join(tempDir(t), 'store'));
  assert.deepEqual(await store.list(), []);
  const { entry } = await putTestImage(store, 'oomkill', 'elf', {
    'org.opencontainers.image.created': '2026-01-02T03:04:05Z',
  });
  const hex = entry.digest.slice(7);
  for (const ref of [
    'oomkill',
    'oomkill:latest',
    `oomkill@${entry.digest}`,
    entry.digest,
    hex.slice(0, 12),
    hex.slice(0, 4),
    `sha256:${hex.slice(0, 6)}`,
  ]) {
    const image = await store.resolve(ref);
    assert.equal(image?.descriptor.digest, entry.digest, ref);
    assert.equal(image?.reference, 'oomkill:latest');
  }
  for (const ref of ['oomkill:1', 'oomkil', `other@${entry.digest}`, 'fffffff'])
    assert.equal(await store.resolve(ref), undefined, ref);
  const [image] = await store.list();
  assert.equal(image?.created?.toISOString(), '2026-01-02T03:04:05.000Z');
  assert.equal(image?.size, 2 + 3 + entry.size);
  assert.equal(image?.manifest.layers[0]?.mediaType, PROGRAM_TYPE);
  assert.equal(
    Buffer.from(await store.readBlob(image?.manifest.layers[0]?.digest as string)).toString(),
    'elf',
  );
});

test('a name moves, a tag adds one, and rm frees what nothing else needs', async (t) => {
  const store = await Store.open(tempDir(t));
  const one = await putTestImage(store, 'a:1', 'one');
  await store.tag('a:1', 'localhost:5000/b:2');
  const two = await putTestImage(store, 'a:1', 'two');
  assert.equal((await store.resolve('a:1'))?.descriptor.digest, two.entry.digest);
  assert.equal((await store.resolve('localhost:5000/b:2'))?.descriptor.digest, one.entry.digest);
  // The config is shared: it stays.
  const gone = await store.remove('localhost:5000/b:2');
  assert.deepEqual(gone.removed, ['localhost:5000/b:2']);
  assert.deepEqual(new Set(gone.freed), new Set([one.entry.digest, one.layer.digest]));
  await store.tag('a:1', 'c');
  assert.deepEqual((await store.remove('c')).freed, []);
  await store.tag('a:1', 'c');
  const all = await store.remove(two.entry.digest.slice(7, 20));
  assert.deepEqual(new Set(all.removed), new Set(['a:1', 'c:latest']));
  assert.equal(all.freed.length, 3);
  assert.deepEqual(readdirSync(join(store.dir, 'blobs', 'sha256')), []);
  assert.deepEqual(readdirSync(join(store.dir, '.skep', 'work')), []);
  await failsWith('SKEP_NOT_FOUND', () => store.remove('c'), /no image c /);
  await failsWith('SKEP_NOT_FOUND', () => store.tag('c', 'd'));
  await failsWith('SKEP_REFERENCE_INVALID', () => store.tag('c', 'D'));
});

test('rm spares blobs that another store object is about to use', async (t) => {
  const dir = tempDir(t);
  const first = await Store.open(dir);
  const image = await putTestImage(first, 'a', 'shared');
  const second = await Store.open(dir);
  const layer = await second.putBlob(Buffer.from('shared'), PROGRAM_TYPE); // exists, so nothing is written
  const { freed } = await first.remove('a');
  assert.ok(!freed.includes(layer.digest));
  const config = await second.putBlob(Buffer.from('{}'), CONFIG_TYPE);
  const manifest = JSON.stringify({ schemaVersion: 2, config, layers: [layer] });
  await second.putImage('b', Buffer.from(manifest), MEDIA_TYPE.manifest);
  assert.equal(Buffer.from(await second.readBlob(image.layer.digest)).toString(), 'shared');
  assert.equal((await first.remove('b')).freed.length, 3, 'the lease ended with the image');
});

test('what is given up by close or was left by another tool goes in the end', async (t) => {
  const store = await Store.open(tempDir(t));
  const blob = await store.putBlob(Buffer.from('never used'), PROGRAM_TYPE);
  await putTestImage(store, 'a', 'x');
  assert.ok(!(await store.remove('a')).freed.includes(blob.digest));
  await store.close();
  await putTestImage(store, 'a', 'x');
  assert.ok(
    !(await store.remove('a')).freed.includes(blob.digest),
    'young strays may be somebody else at work',
  );
  const old = new Date(Date.now() - 2 * 3600 * 1000);
  utimesSync(store.blobPath(blob.digest), old, old);
  await putTestImage(store, 'a', 'x');
  assert.ok((await store.remove('a')).freed.includes(blob.digest));
});

test('an image without its blobs is not given a name', async (t) => {
  const store = await Store.open(tempDir(t));
  const missing = { mediaType: 'x/y', digest: `sha256:${'1'.repeat(64)}`, size: 1 };
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, config: missing, layers: [] }));
  await failsWith('SKEP_STORE_CORRUPT', () => store.putImage('a', manifest, MEDIA_TYPE.manifest), /missing/);
  await failsWith('SKEP_MANIFEST_INVALID', () => store.putImage('a', Buffer.from('{}'), MEDIA_TYPE.manifest));
  assert.deepEqual(await store.list(), []);
});

test('content is checked on its way in', async (t) => {
  const store = await Store.open(tempDir(t));
  const digest = `sha256:${'0'.repeat(64)}`;
  async function* pieces() {
    yield Buffer.from('ab');
    yield Buffer.from('cd');
  }
  await failsWith(
    'SKEP_DIGEST_MISMATCH',
    () => store.putBlob(pieces(), 'x/y', { digest }),
    /should be sha256:0000/,
  );
  await failsWith(
    'SKEP_DIGEST_MISMATCH',
    () => store.putBlob(pieces(), 'x/y', { size: 3 }),
    /3 bytes, but has more/,
  );
  await failsWith('SKEP_DIGEST_MISMATCH', () => store.putBlob(pieces(), 'x/y', { size: 5 }), /only 4/);
  async function* breaks() {
    yield Buffer.from('ab');
    throw new RangeError('mine');
  }
  await assert.rejects(() => store.putBlob(breaks(), 'x/y'), RangeError);
  assert.deepEqual(readdirSync(join(store.dir, '.skep', 'work')), []);
  const big = Buffer.alloc(3_500_000, 'z');
  const blob = await store.putBlob(
    [big.subarray(0, 1_000_001), big.subarray(1_000_001)] as unknown as AsyncIterable<Uint8Array>,
    'x/y',
  );
  assert.equal(blob.size, big.length);
  const back: Uint8Array[] = [];
  for await (const piece of store.blobStream(blob.digest)) back.push(piece);
  assert.ok(Buffer.concat(back).equals(big));
});

test('damage is noticed, named, and can be mended by rm', async (t) => {
  const store = await Store.open(tempDir(t));
  const { layer, entry } = await putTestImage(store, 'a', 'program');
  writeFileSync(store.blobPath(layer.digest), 'prOgram');
  const e = await failsWith('SKEP_STORE_CORRUPT', () => store.readBlob(layer.digest), /damaged/);
  assert.match(e.hint, /Pull or build .* again/);
  await failsWith('SKEP_STORE_CORRUPT', async () => {
    for await (const _ of store.blobStream(layer.digest));
  });
  truncateSync(store.blobPath(entry.digest), 10);
  await failsWith('SKEP_STORE_CORRUPT', () => store.resolve('a'));
  const [listed] = await store.list();
  assert.equal(listed?.damaged?.code, 'SKEP_STORE_CORRUPT');
  assert.deepEqual((await store.remove('a')).removed, ['a:latest']);
  const again = await putTestImage(store, 'a', 'program');
  assert.equal((await store.resolve('a'))?.descriptor.digest, again.entry.digest);
});

test('a blob cut short is written anew', async (t) => {
  const store = await Store.open(tempDir(t));
  const { layer } = await putTestImage(store, 'a', 'program');
  truncateSync(store.blobPath(layer.digest), 3);
  await putTestImage(store, 'a', 'program');
  assert.equal(Buffer.from(await store.readBlob(layer.digest)).toString(), 'program');
});

test('a newer store is left alone', async (t) => {
  const dir = tempDir(t);
  const store = await Store.open(dir);
  await putTestImage(store, 'a', 'x');
  writeFileSync(join(dir, '.skep', 'version'), '2\n');
  await failsWith('SKEP_STORE_VERSION', () => Store.open(dir), /newer skep/);
  writeFileSync(join(dir, '.skep', 'version'), '1\n');
  writeFileSync(join(dir, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}');
  await failsWith('SKEP_STORE_VERSION', () => Store.open(dir), /image layout 2\.0\.0/);
});

test('a folder that is no store, or a broken one, is refused with a sentence', async (t) => {
  const dir = tempDir(t);
  writeFileSync(join(dir, 'thesis.tex'), '');
  const store = await Store.open(dir);
  await failsWith(
    'SKEP_STORE_CORRUPT',
    () => putTestImage(store, 'a', 'x'),
    /not an image store: it holds thesis.tex/,
  );
  assert.deepEqual(readdirSync(dir), ['thesis.tex']);
  const broken = tempDir(t);
  const other = await Store.open(broken);
  await putTestImage(other, 'a', 'x');
  for (const text of ['{', '[]', '{"manifests":{}}', '{"manifests":[{"digest":"x"}]}']) {
    writeFileSync(join(broken, 'index.json'), text);
    await failsWith('SKEP_STORE_CORRUPT', () => other.list(), /index\.json/);
    await failsWith('SKEP_STORE_CORRUPT', () => putTestImage(other, 'b', 'x'), /index\.json/);
    assert.equal(readFileSync(join(broken, 'index.json'), 'utf8'), text, 'left as it was');
  }
});

test('a full disk leaves the store as it was', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('mounting a small file system takes root');
  let dir = '';
  t.after(() => execFileSync('umount', [dir])); // before the folder goes: the first to be registered runs first
  dir = tempDir(t);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'skep-test', dir]);
  const store = await Store.open(join(dir, 'store'));
  await putTestImage(store, 'a', 'small');
  const before = readFileSync(join(store.dir, 'index.json'), 'utf8');
  const e = await failsWith(
    'SKEP_DISK_FULL',
    () => putTestImage(store, 'b', Buffer.alloc(2_000_000)),
    /no space left/,
  );
  assert.match(e.hint, /--storage/);
  async function* endless() {
    for (;;) yield Buffer.alloc(100_000);
  }
  await failsWith('SKEP_DISK_FULL', () => store.putBlob(endless(), 'x/y'));
  // And when there is room for the blobs, but not for index.json.
  writeFileSync(join(dir, 'filler'), '');
  let n = 0;
  for (; ; n++) {
    try {
      await putTestImage(store, 'c', `fits ${n}`.padEnd(30_000));
    } catch (error) {
      await failsWith('SKEP_DISK_FULL', () => Promise.reject(error));
      break;
    }
  }
  const images = await store.list();
  assert.ok(images.every((i) => i.damaged === undefined));
  // The way out that the hint names works though there is no room left for a new index.json; of an image with two names
  // when both go at once.
  const { digest } = await store.tag('a', 'a:too');
  const filler = openSync(join(dir, 'filler'), 'w');
  assert.throws(() => {
    for (;;) writeSync(filler, Buffer.alloc(1024));
  }, /ENOSPC/);
  closeSync(filler);
  const alone = await failsWith('SKEP_DISK_FULL', () => store.remove('a:too'));
  assert.match(alone.hint, /skep rm DIGEST/);
  const names = images.map((i) => i.reference).filter((name) => name !== 'a:latest');
  assert.ok(names.length > 0);
  for (const name of names) assert.deepEqual((await store.remove(name)).removed, [name]);
  assert.deepEqual(
    (await store.list()).map((i) => [i.reference, i.damaged]),
    [
      ['a:latest', undefined],
      ['a:too', undefined],
    ],
  );
  assert.equal((await store.resolve('a'))?.reference, 'a:latest');
  assert.match(readFileSync(join(store.dir, 'index.json'), 'utf8'), /"a:latest"/);
  assert.match(before, /"a:latest"/);
  const again = openSync(join(dir, 'filler'), 'a');
  assert.throws(() => {
    for (;;) writeSync(again, Buffer.alloc(1024));
  }, /ENOSPC/);
  closeSync(again);
  assert.deepEqual((await store.remove(digest)).removed, ['a:latest', 'a:too']);
  assert.deepEqual(
    readdirSync(join(store.dir, '.skep', 'work')).filter((f) => f.endsWith('.tmp')),
    [],
  );
});

test('a store that one may only read is read', async (t) => {
  const dir = tempDir(t);
  await putTestImage(await Store.open(dir), 'a', 'x');
  rmSync(join(dir, '.skep'), { recursive: true });
  const open = () => Store.open(dir).then((s) => s.resolve('a'));
  if (process.getuid?.() !== 0) {
    chmodSync(dir, 0o555);
    t.after(() => chmodSync(dir, 0o755));
  }
  assert.equal((await open())?.reference, 'a:latest');
  assert.ok(!existsSync(join(dir, '.skep')), 'reading writes nothing');
});

test('a file system that is read-only says so, whoever asks', async (t) => {
  if (process.getuid?.() === 0) {
    let dir = '';
    t.after(() => execFileSync('umount', [dir]));
    dir = tempDir(t);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'skep-test', dir]);
    await putTestImage(await Store.open(dir), 'a', 'x');
    rmSync(join(dir, '.skep'), { recursive: true });
    execFileSync('mount', ['-o', 'remount,ro', dir]);
    const readOnly = /it is on a read-only file system/;
    for (const at of [dir, join(dir, 'x/y')]) {
      const store = await Store.open(at);
      await failsWith('SKEP_STORE_ACCESS', () => putTestImage(store, 'b', 'y'), readOnly);
    }
  }
  const e = storeError(Object.assign(new Error('x'), { code: 'EROFS' }), 'Writing a blob', '/store');
  assert.match(e.message, /\/store: it is on a read-only file system/);
  assert.match(e.hint, /^Make that file system writable, or choose another place/);
  const denied = storeError(Object.assign(new Error('x'), { code: 'EACCES' }), 'Writing a blob', '/store');
  assert.match(denied.hint, /^Run as the owner/);
});

test("bee's store is read as it is", async (t) => {
  // By the facts of bee's source (oras-go 1.0): references as typed, no mediaType in the manifest, the platform of
  // `uname` on the entry, titles on the blobs.
  const dir = tempDir(t);
  const store = await Store.open(dir);
  const title = (d: object, name: string) => ({
    ...d,
    annotations: { 'org.opencontainers.image.title': name },
  });
  const config = title(await store.putBlob(Buffer.from('{}'), CONFIG_TYPE), 'config.json');
  const layer = title(await store.putBlob(Buffer.from('ELF'), PROGRAM_TYPE), 'program.o');
  const manifest = await store.putBlob(
    Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: [layer] })),
    MEDIA_TYPE.manifest,
  );
  const platform = { architecture: 'x86_64', os: 'Linux', 'os.version': '6.18.44' };
  const entry = (name: string) => ({ ...manifest, platform, annotations: { [REF_NAME]: name } });
  rmSync(join(dir, '.skep'), { recursive: true });
  writeFileSync(
    join(dir, 'index.json'),
    JSON.stringify({
      schemaVersion: 2,
      manifests: [entry('anchor:1'), entry('ghcr.io/solo-io/x'), entry('Odd Name')],
    }),
  );
  const bees = await Store.open(dir);
  assert.deepEqual(
    (await bees.list()).map((i) => i.reference),
    ['anchor:1', 'ghcr.io/solo-io/x', 'Odd Name'],
  );
  assert.equal((await bees.resolve('anchor:1'))?.descriptor.platform?.os, 'Linux');
  assert.equal((await bees.resolve('ghcr.io/solo-io/x:latest'))?.reference, 'ghcr.io/solo-io/x');
  assert.equal(
    (await bees.resolve('ghcr.io/solo-io/x'))?.manifest.layers[0]?.annotations?.[
      'org.opencontainers.image.title'
    ],
    'program.o',
  );
  assert.equal((await bees.resolve('Odd Name'))?.reference, 'Odd Name');
  assert.deepEqual((await bees.remove('anchor:1')).freed, [], 'the other names need it');
});

test('skopeo and umoci read the store and write into it', async (t) => {
  const dir = tempDir(t);
  const store = await Store.open(join(dir, 'ours'));
  const { entry, layer } = await putTestImage(store, '127.0.0.1:5000/probes/oomkill:1', 'ELF bytes');
  await run('skopeo', [
    'copy',
    `oci:${store.dir}:127.0.0.1:5000/probes/oomkill:1`,
    `oci:${join(dir, 'theirs')}:copy`,
  ]);
  const theirs = await Store.open(join(dir, 'theirs'));
  assert.equal((await theirs.resolve('copy'))?.manifest.layers[0]?.digest, layer.digest);
  assert.equal((await theirs.resolve('copy'))?.descriptor.digest, entry.digest, 'unchanged to the byte');
  await run('skopeo', ['copy', `oci:${join(dir, 'theirs')}:copy`, `oci:${store.dir}:from-skopeo:2`]);
  assert.equal((await store.resolve('from-skopeo:2'))?.descriptor.digest, entry.digest);
  assert.match(await run('umoci', ['ls', '--layout', store.dir]), /from-skopeo:2/);
  await run('umoci', ['tag', '--image', `${store.dir}:from-skopeo:2`, 'umoci-made']);
  assert.equal((await store.resolve('umoci-made'))?.descriptor.digest, entry.digest);
  await run('umoci', ['gc', '--layout', store.dir]);
  assert.equal(Buffer.from(await store.readBlob(layer.digest)).toString(), 'ELF bytes');
});

test('an index with several platforms stands for the one of this machine', async (t) => {
  const store = await Store.open(tempDir(t));
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const mine = await putTestImage(store, 'mine', 'mine');
  const other = await putTestImage(store, 'other', 'other');
  const entry = (i: typeof mine, architecture: string) => ({
    mediaType: i.entry.mediaType,
    digest: i.entry.digest,
    size: i.entry.size,
    platform: { os: 'linux', architecture },
  });
  const index = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.index,
    manifests: [entry(other, 'riscv64'), entry(mine, arch)],
  };
  await store.putImage('multi', Buffer.from(JSON.stringify(index)), MEDIA_TYPE.index);
  const image = await store.resolve('multi');
  assert.equal(image?.manifestDescriptor.digest, mine.entry.digest);
  assert.equal(image?.manifest.layers[0]?.digest, mine.layer.digest);
  assert.equal(
    (await store.resolve('multi', parsePlatform('linux/riscv64')))?.manifest.layers[0]?.digest,
    other.layer.digest,
  );
  await failsWith(
    'SKEP_PLATFORM',
    () => store.resolve('multi', parsePlatform('linux/s390x')),
    /linux\/s390x/,
  );
  await store.remove('mine');
  assert.deepEqual((await store.remove('other')).freed, [], 'the index needs both');
  assert.deepEqual(await store.prune({ all: true }), { freed: [], young: [] });
  assert.equal((await store.remove('multi')).freed.length, 6);
  mkdirSync(join(store.dir, 'blobs', 'sha512'), { recursive: true });
  assert.deepEqual(await store.list(), []);
});

test('of images that are named at once, one that lacks a blob fails alone', async (t) => {
  const store = await Store.open(join(tempDir(t), 's'));
  const made = [];
  for (let i = 0; i < 8; i++) made.push(await putTestImage(store, `made:${i}`, `program ${i}`));
  unlinkSync(store.blobPath(made[3]!.layer.digest));
  const named = await Promise.allSettled(
    made.map(async ({ entry }, i) => {
      const { mediaType, digest, size } = entry;
      const document = parseDocument(await store.readBlob(digest), mediaType, 'it');
      return store.nameImage(`again:${i}`, document, { mediaType, digest, size });
    }),
  );
  assert.deepEqual(
    named.map((n) => n.status),
    made.map((_, i) => (i === 3 ? 'rejected' : 'fulfilled')),
  );
  const names = store.entries().map((e) => e.reference);
  assert.equal(names.filter((name) => name.startsWith('again:')).length, 7);
  // Whatever goes wrong, whoever waits is told.
  rmSync(join(store.dir, '.skep'), { recursive: true });
  const document = parseDocument(await store.readBlob(made[0]!.entry.digest), undefined, 'it');
  const { mediaType, digest, size } = made[0]!.entry;
  await assert.rejects(store.nameImage('late:1', document, { mediaType, digest, size }));
});

test('what is attached needs its blobs too', async (t) => {
  const store = await Store.open(join(tempDir(t), 's'));
  const { entry, layer } = await putTestImage(store, 'x:1', 'program');
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: layer,
    layers: [{ ...layer, digest: `sha256:${'0'.repeat(64)}` }],
  };
  await failsWith(
    'SKEP_STORE_CORRUPT',
    () => store.attach(entry.digest, Buffer.from(JSON.stringify(manifest)), MEDIA_TYPE.manifest),
    /is missing, but what is attached/,
  );
  assert.deepEqual([...store.subjects()], []);
});
