import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { filesInTar } from '../src/archive/folder.ts';
import { tarEnd, tarHeader, tarPadding } from '../src/archive/tar-write.ts';
import { unpacked } from '../src/archive/unpack.ts';
import { putContainer, putLayer } from '../src/container/index.ts';
import {
  loadImages,
  MEDIA_TYPE,
  machinePlatform,
  type OciErrorCode,
  Store,
  saveImages,
} from '../src/index.ts';
import { failsWith } from './helpers/errors.ts';
import { digestOf } from './helpers/fake-registry.ts';
import { putTestImage } from './helpers/image.ts';
import { run } from './helpers/run.ts';
import { tempDir } from './helpers/temp.ts';

async function storeFor(t: TestContext): Promise<Store> {
  return Store.open(join(tempDir(t), 's'));
}

async function saved(store: Store, ...refs: string[]): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of saveImages(store, refs)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** In pieces of odd sizes, as a pipe gives them. */
async function* pieces(data: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += 777) yield data.subarray(at, at + 777);
}

type Member = [name: string, content: Buffer | string, type?: string];

function tar(...members: Member[]): Buffer {
  return Buffer.concat([
    ...members.flatMap(([name, content, type]) => {
      const bytes = Buffer.from(content);
      const header = tarHeader(name, bytes.length);
      if (type !== undefined) header.write(type, 156);
      return [resummed(header), bytes, tarPadding(bytes.length)];
    }),
    tarEnd(),
  ]);
}

function resummed(header: Buffer): Buffer {
  header.fill(' ', 148, 156);
  const sum = header.subarray(0, 512).reduce((a, b) => a + b, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** The members of a whole archive with one image, for tests to spoil. */
function good(name = 'x:1'): Member[] {
  const config = Buffer.from('{}');
  const layer = Buffer.from('program');
  const of = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.manifest,
      config: of('application/x', config),
      layers: [of('application/y', layer)],
    }),
  );
  const annotations = name === '' ? undefined : { 'org.opencontainers.image.ref.name': name };
  const manifests = [{ ...of(MEDIA_TYPE.manifest, manifest), annotations }];
  return [
    ['oci-layout', '{"imageLayoutVersion":"1.0.0"}'],
    ['index.json', JSON.stringify({ schemaVersion: 2, manifests })],
    ...[config, layer, manifest].map((b): Member => [`blobs/${digestOf(b).replace(':', '/')}`, b]),
  ];
}

const blobsOf = (store: Store) =>
  existsSync(join(store.dir, 'blobs', 'sha256'))
    ? readdirSync(join(store.dir, 'blobs', 'sha256')).sort()
    : [];

test('a container image is in the archive also as docker before 25 finds it, a probe is not', async (t) => {
  const dir = tempDir(t);
  const store = await Store.open(join(dir, 's'));
  await putTestImage(store, 'probe:1', 'program');
  const layer = (name: string) => putLayer(store, [{ path: name, content: Buffer.from(name) }]);
  const parts = await Promise.all(
    ['amd64', 'arm64'].map(async (architecture) => ({
      platform: { os: 'linux', architecture },
      layers: [await layer(`of-${architecture}`), await layer('common')],
    })),
  );
  const settings = {
    entrypoint: ['/x'],
    env: [],
    labels: {},
    stopSignal: 'SIGTERM',
    created: '2026-01-01T00:00:00Z',
  };
  await putContainer(store, 'here/box:1', parts, settings);
  const names = (archive: Buffer) => archive.toString('latin1').includes('manifest.json\0');
  assert.equal(names(await saved(store, 'probe:1')), false);
  const path = join(dir, 'box.tar');
  writeFileSync(path, await saved(store, 'here/box:1', 'probe:1'));
  // skopeo reads that list as docker does, and checks each layer against its diff_id.
  await run('skopeo', ['copy', `docker-archive:${path}:here/box:1`, `oci:${join(dir, 'copied')}:x`]);
  const copied = await (await Store.open(join(dir, 'copied'))).resolve('x');
  const original = await store.resolve('here/box:1');
  assert.equal(copied?.manifest.layers.length, 2);
  const config = async (from: Store, image = original) =>
    JSON.parse(Buffer.from(await from.readBlob(image!.manifest.config.digest)).toString());
  assert.deepEqual(
    (await config(await Store.open(join(dir, 'copied')), copied)).rootfs,
    (await config(store)).rootfs,
  );
  // And what reads the layout finds all of it.
  const again = await Store.open(join(dir, 'again'));
  await loadImages(again, pieces(readFileSync(path)));
  assert.deepEqual((await again.list()).map((i) => i.reference).sort(), ['here/box:1', 'probe:1']);
  // One that has no name, or one that docker would not take, is not given another: "sha256" with a tag of 64 digits.
  const file = join(again.dir, 'index.json');
  const digest = original?.descriptor.digest as string;
  for (const [name, tags] of [
    [undefined, null],
    ['Odd Name', null],
    ['here/box:2', ['here/box:2']],
  ] as const) {
    const index = JSON.parse(readFileSync(file, 'utf8'));
    const entry = index.manifests.find((m: { digest: string }) => m.digest === digest);
    entry.annotations = name && { 'org.opencontainers.image.ref.name': name };
    writeFileSync(file, JSON.stringify(index));
    const members = await filesInTar(await saved(again, digest), 'refuse');
    const listed = members.find((m) => m.name === 'manifest.json');
    assert.deepEqual(JSON.parse(Buffer.from(listed?.bytes ?? []).toString())[0].RepoTags, tags);
  }
});

test('saved and loaded, plain, gzip and zstd, the images are the same; the same images give the same bytes', async (t) => {
  const store = await storeFor(t);
  const a = await putTestImage(store, 'probes/a:1', randomBytes(3_000_000));
  const b = await putTestImage(store, 'h.example/b:2', 'another', { title: 'b' });
  const archive = await saved(store, 'probes/a:1', 'h.example/b:2');
  assert.ok(archive.equals(await saved(store, 'probes/a:1', 'h.example/b:2')));
  for (const data of [archive, gzipSync(archive), zstdCompressSync(archive)]) {
    const other = await storeFor(t);
    const loaded = await loadImages(other, pieces(data));
    assert.deepEqual(
      loaded.map((i) => [i.reference, i.digest]),
      [
        ['probes/a:1', a.entry.digest],
        ['h.example/b:2', b.entry.digest],
      ],
    );
    const layer = (await other.resolve('probes/a:1'))?.manifest.layers[0]?.digest as string;
    assert.equal(layer, a.layer.digest);
    await other.readBlob(layer);
    assert.deepEqual(readdirSync(join(other.dir, '.skep', 'work')), []);
    assert.deepEqual(blobsOf(other), blobsOf(store));
  }
  await failsWith('SKEP_NOT_FOUND', () => saved(store, 'nosuch:1'));
});

test('skopeo and umoci read what we save, and we read what skopeo and tar make', async (t) => {
  const store = await storeFor(t);
  const dir = tempDir(t);
  const { entry } = await putTestImage(store, 'x:1', 'program');
  writeFileSync(join(dir, 'ours.tar'), await saved(store, 'x:1'));
  await run('skopeo', ['copy', `oci-archive:${dir}/ours.tar:x:1`, `oci-archive:${dir}/theirs.tar:y:2`]);
  const other = await storeFor(t);
  const [loaded] = await loadImages(other, Readable.from(readFileSync(join(dir, 'theirs.tar'))));
  assert.deepEqual(loaded, { reference: 'y:2', digest: entry.digest });
  mkdirSync(join(dir, 'layout'));
  await run('tar', ['-xf', `${dir}/ours.tar`, '-C', `${dir}/layout`]);
  assert.match(await run('umoci', ['list', '--layout', `${dir}/layout`]), /^x:1$/m);
  // GNU tar, with folders, ./ in front and its own header format.
  await run('tar', ['-czf', `${dir}/gnu.tar.gz`, '--format=gnu', '-C', `${dir}/layout`, '.']);
  const third = await storeFor(t);
  await loadImages(third, Readable.from(readFileSync(join(dir, 'gnu.tar.gz'))));
  assert.equal((await third.resolve('x:1'))?.descriptor.digest, entry.digest);
});

test("names: containerd's before the tag alone, none, and one that is given", async (t) => {
  const store = await storeFor(t);
  assert.deepEqual((await loadImages(store, pieces(tar(...good('')))))[0]?.reference, undefined);
  const [unnamed] = await store.list();
  assert.equal(unnamed?.reference, unnamed?.descriptor.digest);
  await loadImages(store, pieces(tar(...good(''))));
  assert.equal((await store.list()).length, 1, 'loaded twice, there once');
  const members = good('latest');
  const index = JSON.parse(String(members[1]?.[1]));
  index.manifests[0].annotations['io.containerd.image.name'] = 'docker.io/library/z:3';
  members[1] = ['index.json', JSON.stringify(index)];
  const [named] = await loadImages(store, pieces(tar(...members)));
  assert.equal(named?.reference, 'docker.io/library/z:3');
  const [given] = await loadImages(store, pieces(tar(...members)), { name: 'mine' });
  assert.equal(given?.reference, 'mine:latest');
  const odd = pieces(tar(...good('V1')));
  assert.match((await failsWith('SKEP_REFERENCE_INVALID', () => loadImages(store, odd))).hint, /--name/);
  assert.equal((await loadImages(store, pieces(tar(...good('V1'))), { name: 'v:1' }))[0]?.reference, 'v:1');
});

test('what is attached to an image goes along, and is no image', async (t) => {
  const store = await storeFor(t);
  const { entry } = await putTestImage(store, 'x:1', 'program');
  const config = await store.putBlob(Buffer.from('{}'), 'application/x');
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config,
    layers: [],
    annotations: { by: 'me' },
  };
  await store.attach(entry.digest, Buffer.from(JSON.stringify(manifest)), MEDIA_TYPE.manifest);
  const archive = await saved(store, 'x:1');
  const other = await storeFor(t);
  const loaded = await loadImages(other, pieces(archive), { name: 'y:2' });
  assert.deepEqual(loaded, [{ reference: 'y:2', digest: entry.digest }]);
  await loadImages(other, pieces(archive));
  assert.deepEqual(other.attached(entry.digest), store.attached(entry.digest));
  assert.deepEqual((await other.check()).problems, []);
  assert.equal((await other.check()).images, 2);
});

test('archives that try tricks are refused, and nothing of them is left', async (t) => {
  const store = await storeFor(t);
  await putTestImage(store, 'mine:1', 'program');
  const before = blobsOf(store);
  const index = readFileSync(join(store.dir, 'index.json'), 'utf8');
  const all = good();
  const blob = all[3] as Member;
  const evil: [string, Buffer, OciErrorCode, RegExp][] = [
    ['path up', tar(...all, ['../../etc/cron.d/x', 'evil']), 'SKEP_ARCHIVE_INVALID', /no path inside/],
    ['path up inside', tar(...all, ['blobs/../../x', 'evil']), 'SKEP_ARCHIVE_INVALID', /no path inside/],
    ['absolute', tar(['/etc/passwd', 'evil'], ...all), 'SKEP_ARCHIVE_INVALID', /no path inside/],
    ['backslash', tar(['..\\x', 'evil'], ...all), 'SKEP_ARCHIVE_INVALID', /no path inside/],
    ['symlink', tar(['blobs', '', '2'], ...all), 'SKEP_ARCHIVE_INVALID', /"blobs" is a link/],
    ['hard link', tar(...all, ['index.json', '', '1']), 'SKEP_ARCHIVE_INVALID', /is a link/],
    ['device', tar(...all, ['blobs/x', '', '3']), 'SKEP_ARCHIVE_INVALID', /neither a file nor a folder/],
    ['twice', tar(...all, all[1] as Member), 'SKEP_ARCHIVE_INVALID', /index\.json twice/],
    ['blob twice', tar(...all, blob), 'SKEP_ARCHIVE_INVALID', /twice/],
    [
      'other content',
      tar(...all.slice(0, 3), [blob[0], 'Program'], ...all.slice(4)),
      'SKEP_DIGEST_MISMATCH',
      /./,
    ],
    ['blob missing', tar(...all.slice(0, 3), ...all.slice(4)), 'SKEP_ARCHIVE_INVALID', /is not in it/],
    ['manifest missing', tar(...all.slice(0, 4)), 'SKEP_ARCHIVE_INVALID', /is not in it/],
    ['no index', tar(...all.filter(([n]) => n !== 'index.json')), 'SKEP_ARCHIVE_INVALID', /no index\.json/],
    [
      'index no JSON',
      tar(...all.filter(([n]) => n !== 'index.json'), ['index.json', '{']),
      'SKEP_ARCHIVE_INVALID',
      /not JSON/,
    ],
    ['no images', tar(['index.json', '{"manifests":[]}']), 'SKEP_ARCHIVE_INVALID', /no image/],
    [
      'layout 2',
      tar(...all.slice(1), ['oci-layout', '{"imageLayoutVersion":"2.0"}']),
      'SKEP_ARCHIVE_INVALID',
      /layout 2\.0/,
    ],
    ['name', tar(...good('UPPER CASE')), 'SKEP_REFERENCE_INVALID', /./],
    ['cut', tar(...all).subarray(0, 2000), 'SKEP_ARCHIVE_INVALID', /ends in the middle/],
    ['cut gzip', gzipSync(tar(...all)).subarray(0, 300), 'SKEP_ARCHIVE_INVALID', /gzip is damaged/],
    ['empty', Buffer.alloc(0), 'SKEP_ARCHIVE_INVALID', /empty/],
    ['zeros', Buffer.alloc(2048), 'SKEP_ARCHIVE_INVALID', /empty/],
    ['no tar', randomBytes(4000), 'SKEP_ARCHIVE_INVALID', /./],
    ['text', Buffer.from('hello'), 'SKEP_ARCHIVE_INVALID', /no tar/],
    ['no zstd', Buffer.from('28b52ffd00000000', 'hex'), 'SKEP_ARCHIVE_INVALID', /zstd is damaged/],
    ['xz', Buffer.from('fd377a585a000004', 'hex'), 'SKEP_ARCHIVE_INVALID', /packed with xz/],
    [
      'endless name',
      tar(['././@LongLink', Buffer.alloc(70_000, 65), 'L'], ...all),
      'SKEP_ARCHIVE_INVALID',
      /endless/,
    ],
    [
      'huge index',
      tar(['index.json', Buffer.alloc(5 * 1024 * 1024, 32)]),
      'SKEP_ARCHIVE_INVALID',
      /5242880 bytes/,
    ],
  ];
  for (const [what, archive, code, message] of evil) {
    await failsWith(code, () => loadImages(store, pieces(archive)), message).catch((e: unknown) => {
      throw new Error(`${what}: ${String(e)}`);
    });
    assert.deepEqual(blobsOf(store), before, what);
    assert.equal(readFileSync(join(store.dir, 'index.json'), 'utf8'), index, what);
    assert.deepEqual(readdirSync(join(store.dir, '.skep', 'work')), [], what);
  }
});

test('a pax path counts as the path that it is', async (t) => {
  const store = await storeFor(t);
  const record = (value: string) => `${value.length + 9} path=${value}\n`;
  const long = `../${'x'.repeat(10)}`;
  const archive = tar(['././@PaxHeader', record(long), 'x'], ['innocent', 'evil'], ...good());
  await failsWith('SKEP_ARCHIVE_INVALID', () => loadImages(store, pieces(archive)), /no path inside/);
});

test('a decompression bomb is cut off', async (t) => {
  const store = await storeFor(t);
  const zeros = Buffer.alloc(150 * 1024 * 1024);
  for (const pack of [gzipSync, zstdCompressSync]) {
    const bomb = pack(tar([`blobs/sha256/${'0'.repeat(64)}`, zeros]));
    assert.ok(bomb.length < 200_000);
    await failsWith('SKEP_ARCHIVE_INVALID', () => loadImages(store, pieces(bomb)), /decompression bomb/);
  }
  assert.deepEqual(blobsOf(store), []);
  assert.deepEqual(readdirSync(join(store.dir, '.skep', 'work')), []);
  const counting = async () => {
    for await (const _ of unpacked(pieces(Buffer.alloc(10_000)), 5000));
  };
  await failsWith('SKEP_ARCHIVE_INVALID', counting, /more than 5000 bytes/);
});

test('an index with one of its platforms is loaded, with none it is not', async (t) => {
  const store = await storeFor(t);
  const { entry } = await putTestImage(store, 'one:1', 'program');
  const { mediaType, digest, size } = entry;
  const absent = {
    mediaType,
    digest: `sha256:${'a'.repeat(64)}`,
    size: 7,
    platform: { os: 'linux', architecture: 's390x' },
  };
  const here = { mediaType, digest, size, platform: machinePlatform() };
  const put = (name: string, manifests: unknown[]) =>
    store.putImage(
      name,
      Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests })),
      MEDIA_TYPE.index,
    );
  await put('some:1', [here, absent]);
  await put('none:1', [absent]);
  const other = await storeFor(t);
  await loadImages(other, pieces(await saved(store, 'some:1')));
  assert.equal((await other.list()).length, 1);
  await failsWith('SKEP_PLATFORM', () => saved(store, 'none:1'));
  const top = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [absent] }),
  );
  const of = { mediaType: MEDIA_TYPE.index, digest: digestOf(top), size: top.length };
  const archive = tar(
    ['index.json', JSON.stringify({ manifests: [of] })],
    [`blobs/${of.digest.replace(':', '/')}`, top],
  );
  await failsWith('SKEP_ARCHIVE_INVALID', () => loadImages(other, pieces(archive)), /no platform/);
});

test('a load that is killed leaves a valid store, which the next open clears up', async (t) => {
  const store = await storeFor(t);
  await putTestImage(store, 'mine:1', 'program');
  const before = blobsOf(store);
  const big = await storeFor(t);
  await putTestImage(big, 'big:1', randomBytes(2_000_000));
  const archive = await saved(big, 'big:1');
  const script = `
    import { loadImages, Store } from ${JSON.stringify(join(import.meta.dirname, '../src/index.ts'))};
    const store = await Store.open(${JSON.stringify(store.dir)});
    async function* told() {
      for await (const piece of process.stdin) {
        process.stdout.write('.');
        yield piece;
      }
    }
    await loadImages(store, told());`;
  for (const part of [1000, 3000, 1_000_000, archive.length - 1100]) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.on('error', () => undefined); // it dies with the reader, which is the test
    child.stdin.write(archive.subarray(0, part));
    await once(child.stdout, 'data'); // it has begun
    child.kill('SIGKILL');
    await once(child, 'exit');
    const after = await Store.open(store.dir);
    assert.deepEqual(
      (await after.list()).map((i) => [i.reference, i.damaged]),
      [['mine:1', undefined]],
    );
    assert.deepEqual(readdirSync(join(store.dir, '.skep', 'work')), []);
    assert.deepEqual(blobsOf(store), before);
  }
});
