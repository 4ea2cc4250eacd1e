import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import {
  copy,
  type Descriptor,
  MEDIA_TYPE,
  openRegistry,
  push,
  pushReferrer,
  type Registry,
  referrers,
  Store,
  tags,
} from '../src/index.ts';
import { dropFromTagList } from '../src/registry/referrers.ts';
import { type RealRegistry, startRegistry } from './helpers/docker-registry.ts';
import { failsWith } from './helpers/errors.ts';
import { digestOf, type FakeOptions, type FakeRegistry, startFake } from './helpers/fake-registry.ts';
import { goRegistry } from './helpers/go-registry.ts';
import { putTestImage } from './helpers/image.ts';
import { run } from './helpers/run.ts';
import { tempDir } from './helpers/temp.ts';

const dir = tempDir({ after });
let debian: RealRegistry;
before(async () => {
  debian = await startRegistry(dir);
});
after(() => debian?.stop());

const SIGNATURE = 'application/vnd.example.signature';
const quick = { retry: { attempts: 2, pauseMs: 5 } };

async function fakeFor(t: TestContext, opts: FakeOptions = {}): Promise<FakeRegistry> {
  const fake = await startFake({ apart: true, ...opts });
  t.after(() => fake.close());
  return fake;
}

/** Pushes an index of two images. @returns its digest and theirs */
async function pushIndex(t: TestContext, ref: string): Promise<{ top: Descriptor; children: Descriptor[] }> {
  const store = await Store.open(join(tempDir(t), 's'));
  const children: Descriptor[] = [];
  for (const architecture of ['amd64', 'arm64']) {
    const { entry } = await putTestImage(store, `local-${architecture}:1`, randomBytes(5000));
    const { mediaType, digest, size } = entry;
    children.push({ mediaType, digest, size, platform: { os: 'linux', architecture } });
  }
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: children };
  const top = await store.putImage(ref, Buffer.from(JSON.stringify(index)), MEDIA_TYPE.index);
  await push(store, ref);
  return { top, children };
}

/** A signature, as far as a registry can tell. */
async function sign(
  host: string,
  repository: string,
  subject: Descriptor,
  text: string,
): Promise<Descriptor> {
  const registry = await openRegistry(host);
  try {
    const bytes = Buffer.from(text);
    const layer = { mediaType: 'text/plain', digest: digestOf(bytes), size: bytes.length };
    await registry.putSmallBlob(repository, layer, bytes);
    return await pushReferrer(registry, repository, subject, SIGNATURE, [layer], {
      annotations: { by: text },
    });
  } finally {
    registry.close();
  }
}

async function referrersAt(
  host: string,
  repository: string,
  digest: string,
  type?: string,
): Promise<string[]> {
  const registry = await openRegistry(host);
  try {
    return (await referrers(registry, repository, digest, type)).map((d) => d.digest).sort();
  } finally {
    registry.close();
  }
}

/** An index with a signature on it, one on a child, and a countersignature, copied from one host to another. */
async function copyWithAll(t: TestContext, from: string, to: string): Promise<void> {
  const { top, children } = await pushIndex(t, `${from}/me/x:1`);
  const signature = await sign(from, 'me/x', top, 'me');
  const counter = await sign(from, 'me/x', signature, 'you');
  const ofChild = await sign(from, 'me/x', children[1] as Descriptor, 'child');
  const done = await copy(`${from}/me/x:1`, `${to}/mirror/y`);
  assert.equal(done.reference, `${to}/mirror/y:1`);
  assert.equal(done.digest, top.digest);
  assert.deepEqual(done.manifests.sort(), [top, ...children].map((d) => d.digest).sort());
  assert.deepEqual(done.referrers.sort(), [signature, counter, ofChild].map((d) => d.digest).sort());
  assert.deepEqual(await referrersAt(to, 'mirror/y', top.digest), [signature.digest]);
  assert.deepEqual(await referrersAt(to, 'mirror/y', signature.digest), [counter.digest]);
  assert.deepEqual(await referrersAt(to, 'mirror/y', children[1]?.digest ?? ''), [ofChild.digest]);
  assert.deepEqual(await referrersAt(to, 'mirror/y', top.digest, 'application/other'), []);
  // Every part can be fetched by a client that is not ours.
  const there = join(tempDir(t), 'layout');
  await run('skopeo', [
    'copy',
    '--all',
    '--src-tls-verify=false',
    `docker://${to}/mirror/y:1`,
    `oci:${there}:y`,
  ]);
  const again = await copy(`${from}/me/x:1`, `${to}/mirror/y`);
  assert.deepEqual([again.uploaded, again.mounted], [[], []], 'the second time nothing moves');
}

test("an index and its referrers, from Debian's registry to one with the Referrers API", async (t) => {
  const fake = await fakeFor(t, { referrers: true });
  await copyWithAll(t, debian.host, fake.host);
  assert.deepEqual(await tags(`${fake.host}/mirror/y`), ['1'], 'no list under a tag where there is an API');
});

test('and the other way, where the list has to be kept under a tag', async (t) => {
  const fake = await fakeFor(t, { referrers: true, pageSize: 1 });
  await copyWithAll(t, fake.host, debian.host);
  const kept = (await tags(`${debian.host}/mirror/y`)).filter((tag) => tag.startsWith('sha256-'));
  assert.ok(kept.length >= 3, kept.join());
});

const go = await goRegistry();
test("go-containerregistry's registry, which has referrers", { skip: go.skip }, async (t) => {
  const registry = await go.start?.();
  assert.ok(registry);
  t.after(() => registry.stop());
  await copyWithAll(t, debian.host, registry.host);
  await copyWithAll(t, registry.host, debian.host);
  const one = await copy(`${registry.host}/me/x:1`, `${registry.host}/other/z:2`);
  // Two programs, one config and empty object for all, what three signatures hold.
  assert.equal(one.uploaded.length + one.existing.length + one.mounted.length, 6);
  assert.deepEqual(await tags(`${registry.host}/mirror/y`), ['1'], 'the API, and no list under a tag');
});

test('within a registry, blobs are mounted and not sent', async (t) => {
  await pushIndex(t, `${debian.host}/a/x:1`);
  const real = await copy(`${debian.host}/a/x:1`, `${debian.host}/b/x:2`);
  assert.equal(real.mounted.length, 3, "Debian's registry: two programs and a config");
  assert.equal(real.uploaded.length, 0);
  const fake = await fakeFor(t, { token: { user: 'me', password: 'secret' } });
  const login = { username: 'me', password: 'secret' };
  const store = await Store.open(join(tempDir(t), 's'));
  await putTestImage(store, `${fake.host}/a/x:1`, 'program');
  await push(store, `${fake.host}/a/x:1`, login);
  const done = await copy(`${fake.host}/a/x:1`, `${fake.host}/b/x:1`, login);
  assert.equal(done.mounted.length, 2);
  assert.ok(
    fake.scopes.includes('repository:a/x:pull'),
    'the token for a mount may read the other repository',
  );
});

test('a registry that mounts nothing gets the blobs, in the upload that it offers instead', async (t) => {
  const fake = await fakeFor(t);
  const store = await Store.open(join(tempDir(t), 's'));
  const { layer } = await putTestImage(store, `${fake.host}/a/x:1`, randomBytes(400_000));
  await push(store, `${fake.host}/a/x:1`);
  fake.seen.length = 0;
  fake.hook = (_req, _res, seen) => {
    if (seen.method === 'POST') seen.path = seen.path.replace(/\?.*/, '');
    return false;
  };
  const done = await copy(`${fake.host}/a/x:1`, `${fake.host}/b/x:1`);
  assert.deepEqual([done.mounted.length, done.uploaded.length], [0, 2]);
  assert.equal(fake.count('POST', '/b/x/blobs/uploads'), 2, 'one request a blob begins both');
  assert.ok(fake.repositories.get('b/x')?.has(layer.digest));
});

test("cosign's old signature tags go along", async (t) => {
  const fake = await fakeFor(t);
  const store = await Store.open(join(tempDir(t), 's'));
  const { entry } = await putTestImage(store, `${debian.host}/old/x:1`, 'program');
  await push(store, `${debian.host}/old/x:1`);
  const tag = `${entry.digest.replace(':', '-')}.sig`;
  const { entry: signature } = await putTestImage(store, `${debian.host}/old/x:${tag}`, 'signature');
  await push(store, `${debian.host}/old/x:${tag}`);
  const done = await copy(`${debian.host}/old/x:1`, `${fake.host}/x:1`);
  assert.deepEqual(done.referrers, [signature.digest]);
  assert.deepEqual((await tags(`${fake.host}/x`)).sort(), ['1', tag].sort());
  const without = await copy(`${debian.host}/old/x:1`, `${fake.host}/y:1`, { withoutReferrers: true });
  assert.deepEqual([without.referrers, await tags(`${fake.host}/y`)], [[], ['1']]);
});

test('what is listed as a referrer and is none, or is not there, keeps nothing from being copied', async (t) => {
  const fake = await fakeFor(t, { referrers: true });
  const store = await Store.open(join(tempDir(t), 's'));
  const { entry } = await putTestImage(store, `${fake.host}/a:1`, 'program');
  await push(store, `${fake.host}/a:1`);
  const { entry: image } = await putTestImage(store, `${fake.host}/a:other`, 'another');
  await push(store, `${fake.host}/a:other`);
  const hollow = await sign(fake.host, 'a', entry, 'somebody whose blob was lost');
  fake.content.delete(digestOf(Buffer.from('somebody whose blob was lost')));
  const signature = await sign(fake.host, 'a', entry, 'me');
  const absent = { ...hollow, digest: `sha256:${'7'.repeat(64)}` };
  fake.hook = (_req, res, { path }) => {
    if (!path.includes(`/referrers/${entry.digest}`) || path.includes('/b/')) return false;
    const manifests = [absent, image, hollow, signature].map(({ annotations: _, ...d }) => d);
    res.writeHead(200, { 'content-type': MEDIA_TYPE.index });
    res.end(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests }));
    return true;
  };
  const done = await copy(`${fake.host}/a:1`, `${debian.host}/left/b:1`);
  assert.deepEqual(done.referrers, [signature.digest]);
  assert.deepEqual(done.leftOut.sort(), [absent, image, hollow].map((d) => d.digest).sort());
  assert.deepEqual(await referrersAt(debian.host, 'left/b', entry.digest), [signature.digest]);
  assert.ok((await tags(`${debian.host}/left/b`)).includes('1'));
  // A registry that cannot be asked, or that sends something else, is another matter.
  fake.content.set(signature.digest, { bytes: Buffer.from('{}'), type: MEDIA_TYPE.manifest });
  await failsWith('SKEP_DIGEST_MISMATCH', () => copy(`${fake.host}/a:1`, `${debian.host}/left/c:1`));
});

test('the tag comes last, after what signs it', async (t) => {
  const fake = await fakeFor(t, { referrers: true });
  const store = await Store.open(join(tempDir(t), 's'));
  const { entry } = await putTestImage(store, `${fake.host}/a:1`, 'program');
  await push(store, `${fake.host}/a:1`);
  const signature = await sign(fake.host, 'a', entry, 'me');
  await copy(`${fake.host}/a:1`, `${fake.host}/b:1`);
  const puts = fake.seen.filter((s) => s.method === 'PUT' && s.path.includes('/b/manifests/'));
  assert.deepEqual(
    puts.map((s) => s.path.split('/').at(-1)),
    [entry.digest, signature.digest, '1'],
  );
});

test('wrong content from the source never becomes a blob of the target', async (t) => {
  const bad = await fakeFor(t);
  const target = await fakeFor(t);
  const store = await Store.open(join(tempDir(t), 's'));
  for (const size of [1000, 700_000]) {
    const { layer } = await putTestImage(store, `${bad.host}/x:${size}`, randomBytes(size));
    await push(store, `${bad.host}/x:${size}`);
    const entry = bad.content.get(layer.digest);
    assert.ok(entry);
    const whole = entry.bytes;
    const lies: [Buffer, RegExp][] = [
      [randomBytes(size), /has another digest/],
      [Buffer.concat([whole, Buffer.from('more')]), /longer than its manifest says/],
      [whole.subarray(0, size - 10), new RegExp(`has ${size - 10} bytes of .* should have ${size}`)],
    ];
    for (const [bytes, message] of lies) {
      entry.bytes = bytes;
      const copying = () => copy(`${bad.host}/x:${size}`, `${target.host}/x:1`, quick);
      await failsWith('SKEP_DIGEST_MISMATCH', copying, message);
      assert.equal(target.content.get(layer.digest), undefined);
      assert.equal(target.content.get('x:1'), undefined, 'no tag either');
    }
    entry.bytes = whole;
  }
});

test('connections cut in the middle on both sides are taken up again', async (t) => {
  const source = await fakeFor(t);
  const target = await fakeFor(t);
  const store = await Store.open(join(tempDir(t), 's'));
  const { layer } = await putTestImage(store, `${source.host}/x:1`, randomBytes(3_000_000));
  await push(store, `${source.host}/x:1`);
  let cuts = 0;
  source.hook = (req, res, seen) => {
    if (req.method !== 'GET' || !seen.path.includes(layer.digest) || cuts >= 2) return false;
    cuts++;
    const from = Number(/bytes=(\d+)-/.exec(seen.range ?? '')?.[1] ?? 0);
    const all = source.content.get(layer.digest)?.bytes ?? Buffer.alloc(0);
    const headers = {
      'content-length': all.length - from,
      'content-range': `bytes ${from}-${all.length - 1}/${all.length}`,
    };
    res.writeHead(from > 0 ? 206 : 200, headers);
    res.write(all.subarray(from, from + 600_000), () => res.destroy());
    return true;
  };
  let refused = false;
  target.hook = (req, res) => {
    if (req.method !== 'PUT' || refused || Number(req.headers['content-length']) < 1000) return false;
    refused = true;
    res.destroy();
    return true;
  };
  await copy(`${source.host}/x:1`, `${target.host}/x:1`, quick);
  assert.ok(
    target.content.get(layer.digest)?.bytes.equals(source.content.get(layer.digest)?.bytes as Buffer),
  );
  assert.deepEqual([cuts, refused], [2, true]);
});

test('an index that leads on without end is given up', async (t) => {
  const fake = await fakeFor(t);
  let manifests: Descriptor[] = [];
  for (let n = 0; n < 20; n++) {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests }));
    manifests = [{ mediaType: MEDIA_TYPE.index, digest: digestOf(bytes), size: bytes.length }];
    fake.content
      .set(digestOf(bytes), { bytes, type: MEDIA_TYPE.index })
      .set('x:1', { bytes, type: MEDIA_TYPE.index });
    fake.repositories.set('x', (fake.repositories.get('x') ?? new Set()).add(digestOf(bytes)).add('x:1'));
  }
  await failsWith('SKEP_MANIFEST_INVALID', () => copy(`${fake.host}/x:1`, `${fake.host}/y:1`), /without end/);
});

test('names that make no copy', async () => {
  await failsWith('SKEP_REFERENCE_INVALID', () => copy('x:1', 'h.example/x'), /no registry to pull from/);
  const local = await failsWith(
    'SKEP_REFERENCE_INVALID',
    () => copy('h.example/x', 'y'),
    /registry to copy to/,
  );
  assert.match(local.hint, /^Write HOST\/y/, 'a tag would be of the store');
  const login = { username: 'me', password: 'secret' };
  const e = await failsWith(
    'SKEP_REFERENCE_INVALID',
    () => copy('a.example/x', 'b.example/x', login),
    /two registries/,
  );
  assert.match(e.hint, /skep login a\.example and skep login b\.example/);
  const ref = `${debian.host}/a/x:1`;
  const digest = `sha256:${'0'.repeat(64)}`;
  await failsWith('SKEP_DIGEST_MISMATCH', () => copy(ref, `${debian.host}/c/x@${digest}`), /not sha256:000/);
});

test('a referrer can be taken from a list under a tag again', async (t) => {
  const store = await Store.open(join(tempDir(t), 's'));
  const { entry } = await putTestImage(store, `${debian.host}/drop/x:1`, 'program');
  await push(store, `${debian.host}/drop/x:1`);
  const [a, b] = [
    await sign(debian.host, 'drop/x', entry, 'a'),
    await sign(debian.host, 'drop/x', entry, 'b'),
  ];
  assert.deepEqual(await referrersAt(debian.host, 'drop/x', entry.digest), [a.digest, b.digest].sort());
  const registry: Registry = await openRegistry(debian.host);
  t.after(() => registry.close());
  await dropFromTagList(registry, 'drop/x', entry.digest, a.digest);
  assert.deepEqual(await referrersAt(debian.host, 'drop/x', entry.digest), [b.digest]);
});
