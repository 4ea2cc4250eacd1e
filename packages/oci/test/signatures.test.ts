import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { MEDIA_TYPE, push, Store } from '../src/index.ts';
import {
  BUNDLE_TYPE,
  bundleOf,
  type Checked,
  checkBundle,
  makeBundle,
  readBundle,
} from '../src/signatures/bundle.ts';
import { ENVELOPE_TYPE } from '../src/signatures/dsse.ts';
import {
  attestImage,
  copySignatures,
  generateKeyPair,
  makeStatement,
  readAttestations,
  readPrivateKey,
  readPublicKey,
  registryPlace,
  type SignatureFormat,
  signImage,
  storePlace,
  verifyAttestations,
  verifyImage,
} from '../src/signatures/index.ts';
import { isSignedBy } from '../src/signatures/keys.ts';
import { checkSimple } from '../src/signatures/simple-signing.ts';
import { startRegistry } from './helpers/docker-registry.ts';
import { failsWith } from './helpers/errors.ts';
import { digestOf, startFake } from './helpers/fake-registry.ts';
import { putTestImage } from './helpers/image.ts';
import { tempDir } from './helpers/temp.ts';

const digest = `sha256:${'1'.repeat(64)}`;
/** What was found, without the statement. */
function checked<S>(found: Checked<S>): { key: S } | { why: string } {
  return 'why' in found ? found : { key: found.signer };
}
const noPassword = () => assert.fail('no password is needed');
const ours = await generateKeyPair('secret');
const theirs = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = await readPrivateKey(ours.privateKey, 'cosign.key', async () => 'secret');
const pub = readPublicKey(ours.publicKey, 'cosign.pub');
const other = readPublicKey(String(theirs.publicKey.export({ format: 'pem', type: 'spki' })), 'other.pub');

test('a key is read back with its password, and with no other', async () => {
  assert.match(ours.privateKey, /^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n/);
  assert.equal(key.publicKey.hint, pub.hint);
  assert.equal(key.publicKey.name, 'cosign.key');
  await failsWith('SKEP_KEY', () => readPrivateKey(ours.privateKey, 'cosign.key', async () => 'secre'));
  const empty = await generateKeyPair('');
  await readPrivateKey(empty.privateKey, 'k', async () => '');
});

test('keys of every kind that PEM holds sign, and only those of a strength', async () => {
  const pairs = [
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    generateKeyPairSync('ec', { namedCurve: 'P-521' }),
    generateKeyPairSync('ed25519'),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ];
  for (const { privateKey, publicKey } of pairs) {
    const plain = await readPrivateKey(
      String(privateKey.export({ format: 'pem', type: 'pkcs8' })),
      'k',
      noPassword,
    );
    const locked = String(
      privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'p' }),
    );
    const opened = await readPrivateKey(locked, 'k', async () => 'p');
    const public_ = readPublicKey(String(publicKey.export({ format: 'pem', type: 'spki' })), 'k.pub');
    for (const one of [plain, opened]) {
      const bundle = readBundle(makeBundle(digest, one))!;
      assert.equal(bundle.hint, public_.hint);
      assert.deepEqual(checked(await checkBundle(bundle, digest, [other, public_])), { key: public_ });
    }
    await failsWith('SKEP_KEY', () => readPrivateKey(locked, 'k', async () => 'q'));
  }
  const sec1 = String(theirs.privateKey.export({ format: 'pem', type: 'sec1' }));
  assert.equal((await readPrivateKey(sec1, 'k', noPassword)).publicKey.hint, other.hint);
  // As openssl ec -aes256 writes it.
  const old = String(
    theirs.privateKey.export({ format: 'pem', type: 'sec1', cipher: 'aes-256-cbc', passphrase: 'p' }),
  );
  assert.match(old, /\nProc-Type: 4,ENCRYPTED\n/);
  assert.equal((await readPrivateKey(old, 'k', async () => 'p')).publicKey.hint, other.hint);
  await failsWith('SKEP_KEY', () => readPrivateKey(old, 'k', async () => 'q'), /password does not open k/);
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const p224 = generateKeyPairSync('ec', { namedCurve: 'P-224' });
  const bitcoins = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  for (const { publicKey } of [weak, p224, bitcoins])
    await failsWith('SKEP_KEY', () =>
      readPublicKey(String(publicKey.export({ format: 'pem', type: 'spki' })), 'k'),
    );
});

test('a signature counts with the hash that fits its curve, as key services make it', () => {
  const data = Buffer.from('data');
  for (const namedCurve of ['P-256', 'P-384', 'P-521']) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
    const public_ = readPublicKey(String(publicKey.export({ format: 'pem', type: 'spki' })), 'k.pub');
    for (const hash of ['sha256', 'sha384', 'sha512'])
      assert.ok(isSignedBy(public_, data, sign(hash, data, privateKey)), `${namedCurve} ${hash}`);
    assert.ok(!isSignedBy(public_, data, sign('sha1', data, privateKey)));
    assert.ok(!isSignedBy(public_, Buffer.from('date'), sign('sha384', data, privateKey)));
  }
});

test('what is no key is said to be none', async () => {
  const envelope = (change: (json: Record<string, Record<string, unknown>>) => void) => {
    const body = ours.privateKey.split('\n').slice(1, -2).join('');
    const json = JSON.parse(Buffer.from(body, 'base64').toString());
    change(json);
    const bytes = Buffer.from(JSON.stringify(json)).toString('base64');
    return `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${bytes}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n`;
  };
  const set = (params: Record<string, unknown>) =>
    envelope((j) => Object.assign(j.kdf!.params as object, params));
  const broken = [
    '',
    'nothing',
    ours.publicKey,
    ours.privateKey.replace('ey', 'xx'),
    envelope((j) => delete j.kdf),
    envelope((j) => Object.assign(j.kdf!, { name: 'argon2' })),
    envelope((j) => Object.assign(j.cipher!, { nonce: 'AAAA' })),
    envelope((j) => Object.assign(j, { ciphertext: 5 })),
    set({ N: 2 ** 30 }),
    set({ N: 3 }),
    set({ r: -1 }),
    set({ p: 1e9 }),
    '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
  ];
  for (const pem of broken) await failsWith('SKEP_KEY', () => readPrivateKey(pem, 'k', async () => 'secret'));
  await failsWith('SKEP_KEY', () => readPublicKey(ours.privateKey, 'k'), /is a private key/);
  for (const pem of ['', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'])
    await failsWith('SKEP_KEY', () => readPublicKey(pem, 'k'));
});

test('a bundle counts for its own digest, its own key and its own predicate only', async () => {
  const bytes = makeBundle(digest, key);
  const bundle = readBundle(bytes)!;
  assert.deepEqual(checked(await checkBundle(bundle, digest, [other, pub])), { key: pub });
  assert.deepEqual(checked(await checkBundle(bundle, digest, [other])), { why: 'another key signed it' });
  assert.deepEqual(checked(await checkBundle(bundle, digest, [])), { why: 'another key signed it' });
  assert.deepEqual(checked(await checkBundle(bundle, digest.replace('1', '2'), [pub])), {
    why: 'it is for another image',
  });
  const changed = (from: string, to: string) => {
    const json = JSON.parse(bytes.toString());
    const payload = Buffer.from(json.dsseEnvelope.payload, 'base64').toString();
    assert.ok(payload.includes(from));
    json.dsseEnvelope.payload = Buffer.from(payload.replace(from, to)).toString('base64');
    return readBundle(Buffer.from(JSON.stringify(json)))!;
  };
  const forged = changed('1'.repeat(64), '2'.repeat(64));
  assert.deepEqual(checked(await checkBundle(forged, `sha256:${'2'.repeat(64)}`, [pub])), {
    why: 'another key signed it',
  });
  const sbom = changed('https://sigstore.dev/cosign/sign/v1', 'https://spdx.dev/Document');
  assert.deepEqual(checked(await checkBundle(sbom, digest, [pub])), {
    why: 'it is no signature but a https://spdx.dev/Document',
  });
  // One more bit anywhere: it is either not read, or not this key's.
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 1;
    const read = readBundle(flipped);
    if (!read) continue;
    const result = await checkBundle(read, digest, [pub]);
    const same =
      Buffer.compare(read.envelope.payload, bundle.envelope.payload) === 0 &&
      read.envelope.payloadType === bundle.envelope.payloadType &&
      read.envelope.signatures.length === 1 &&
      Buffer.compare(read.envelope.signatures[0]!, bundle.envelope.signatures[0]!) === 0;
    assert.equal('signer' in result, same, `bit of byte ${at}`);
  }
});

test('what cosign wrote is read: its key, its bundle, its older form', async () => {
  const made = JSON.parse(readFileSync(new URL('./fixtures/cosign.json', import.meta.url), 'utf8'));
  const its = readPublicKey(made.publicKey, 'cosign.pub');
  const opened = await readPrivateKey(made.privateKey, 'cosign.key', async () => made.password);
  assert.equal(opened.publicKey.hint, its.hint);
  const bundle = readBundle(Buffer.from(made.bundle.text))!;
  assert.equal(bundle.hint, its.hint);
  assert.deepEqual(checked(await checkBundle(bundle, made.bundle.digest, [pub, its])), { key: its });
  assert.deepEqual(checked(await checkBundle(bundle, made.tag.digest, [its])), {
    why: 'it is for another image',
  });
  const { payload, annotations, digest } = made.tag;
  assert.deepEqual(checked(checkSimple(Buffer.from(payload), annotations, digest, [pub, its])), { key: its });
  const changed = Buffer.from(payload.replace('docker-reference', 'docker-Reference'));
  assert.deepEqual(checked(checkSimple(changed, annotations, digest, [its])), {
    why: 'another key signed it',
  });
});

for (const format of ['bundle', 'tag'] as SignatureFormat[]) {
  test(`a ${format} in the store is found there, in no list, and goes with its image`, async (t) => {
    const store = await Store.open(tempDir(t));
    const { entry } = await putTestImage(store, 'a:1', 'elf');
    await putTestImage(store, 'b:1', 'another');
    const place = storePlace(store);
    assert.deepEqual(await verifyImage(place, entry.digest, [pub]), { good: [], refused: [] });
    await signImage(place, entry, 'a', key, format);
    await signImage(place, entry, 'a', key, format);
    const { good, refused } = await verifyImage(place, entry.digest, [pub]);
    assert.deepEqual(
      good.map((g) => [g.format, g.signer.name]),
      [
        [format, 'cosign.pub'],
        [format, 'cosign.pub'],
      ],
    );
    assert.deepEqual(refused, []);
    assert.deepEqual(
      (await store.list()).map((i) => i.reference),
      ['a:1', 'b:1'],
    );
    await store.tag('a:1', 'c:1');
    await store.remove('a:1');
    assert.equal((await verifyImage(place, entry.digest, [pub])).good.length, 2, 'c:1 is the same image');
    await store.remove('c:1');
    assert.deepEqual(store.attached(entry.digest), []);
    await store.remove('b:1');
    const { freed } = await store.remove((await putTestImage(store, 'd:1', 'x')).entry.digest);
    assert.equal(freed.length, 3, 'nothing of the others is left to free');
  });

  test(`a ${format} goes to a registry and back, without a Referrers API`, async (t) => {
    const dir = tempDir(t);
    const registry = await startRegistry(dir);
    t.after(() => registry.stop());
    const store = await Store.open(`${dir}/store`);
    const name = `${registry.host}/me/a`;
    const { entry } = await putTestImage(store, `${name}:1`, 'elf');
    await signImage(storePlace(store), entry, name, key, format);
    await push(store, `${name}:1`);
    using remote = registryPlace(registry.host, 'me/a');
    assert.deepEqual(await verifyImage(remote, entry.digest, [pub]), { good: [], refused: [] });
    await copySignatures(storePlace(store), remote, entry.digest);
    await copySignatures(storePlace(store), remote, entry.digest);
    assert.equal((await verifyImage(remote, entry.digest, [pub])).good.length, 1);
    await signImage(remote, entry, name, key, format);
    const both = await verifyImage(remote, entry.digest, [pub]);
    assert.deepEqual(
      both.good.map((g) => g.format),
      [format, format],
    );
    assert.deepEqual((await verifyImage(remote, entry.digest, [other])).refused, [
      'another key signed it',
      'another key signed it',
    ]);
    const second = await Store.open(`${dir}/second`);
    await putTestImage(second, `${name}:1`, 'elf');
    await copySignatures(remote, storePlace(second), entry.digest);
    assert.equal((await verifyImage(storePlace(second), entry.digest, [pub])).good.length, 2);
  });
}

test('a registry with a Referrers API keeps the list itself', async (t) => {
  const fake = await startFake();
  t.after(() => fake.close());
  const attached: { mediaType: string; digest: string; size: number; artifactType?: string }[] = [];
  fake.hook = async (req, res, seen) => {
    if (seen.path.includes('/referrers/')) {
      res.writeHead(200, { 'content-type': MEDIA_TYPE.index });
      res.end(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: attached }));
      return true;
    }
    if (seen.method !== 'PUT' || !seen.path.includes('/manifests/sha256:')) return false;
    for await (const chunk of req) seen.body = Buffer.concat([seen.body, chunk as Buffer]);
    const { subject, artifactType } = JSON.parse(seen.body.toString());
    attached.push({
      mediaType: MEDIA_TYPE.manifest,
      digest: seen.path.split('/').at(-1)!,
      size: seen.body.length,
      artifactType,
    });
    res.setHeader('oci-subject', subject.digest);
    return false;
  };
  using remote = registryPlace(fake.host, 'me/a');
  const image = { mediaType: MEDIA_TYPE.manifest, digest, size: 3 };
  await signImage(remote, image, 'a', key, 'bundle');
  assert.equal((await verifyImage(remote, digest, [pub])).good.length, 1);
  assert.equal(fake.count('PUT', `/manifests/sha256-`), 0, 'no list under a tag');
  // Others' artifacts are not fetched, and content that was exchanged is not believed.
  attached.push({
    ...attached[0]!,
    digest: `sha256:${'9'.repeat(64)}`,
    artifactType: 'application/spdx+json',
  });
  assert.equal((await verifyImage(remote, digest, [pub])).good.length, 1);
  // Nor does an SBOM of 5 MiB, or what is no manifest, keep anybody from what is good.
  const large = await remote.putBlob(Buffer.alloc(5 * 1024 * 1024, ' '), BUNDLE_TYPE);
  const beside = {
    schemaVersion: 2,
    artifactType: BUNDLE_TYPE,
    config: large,
    layers: [large],
    subject: image,
  };
  await remote.attach(digest, { bytes: Buffer.from(JSON.stringify(beside)), manifest: beside as never });
  attached.push({ ...attached[0]!, digest: digestOf(Buffer.from('{}')), artifactType: BUNDLE_TYPE });
  fake.content.set(digestOf(Buffer.from('{}')), { bytes: Buffer.from('{}'), type: MEDIA_TYPE.manifest });
  // Nor do manifests that make up how long their content is.
  const short = await remote.putBlob(Buffer.from('{"a":1}'), BUNDLE_TYPE);
  for (const size of [short.size - 1, short.size + 1, 100]) {
    const lying = { ...beside, config: short, layers: [{ ...short, size }] };
    await remote.attach(digest, { bytes: Buffer.from(JSON.stringify(lying)), manifest: lying as never });
  }
  const found = await verifyImage(remote, digest, [pub]);
  assert.equal(found.good.length, 1);
  const [tooLarge, ...otherSize] = found.refused;
  assert.match(tooLarge ?? '', /^it cannot be read: .*more than 4 MiB$/);
  assert.equal(otherSize.length, 3);
  for (const why of otherSize) assert.match(why, /has not the \d+ bytes that its manifest says$/);
  const kept = await Store.open(tempDir(t));
  assert.equal(await copySignatures(remote, storePlace(kept), digest), 1);
  assert.equal((await verifyImage(storePlace(kept), digest, [pub])).good.length, 1);
  for (const entry of fake.content.values())
    if (entry.bytes.includes('dsseEnvelope'))
      entry.bytes = Buffer.from(entry.bytes.toString().replace('dsseEnvelope', 'dsseEnvelopf'));
  await failsWith('SKEP_DIGEST_MISMATCH', () => verifyImage(remote, digest, [pub]));
});

test('what is looked for comes first of all that refers to an image, however much there is', async (t) => {
  const fake = await startFake({ referrers: true });
  t.after(() => fake.close());
  using remote = registryPlace(fake.host, 'me/a');
  const image = { mediaType: MEDIA_TYPE.manifest, digest, size: 3 };
  const kind = 'https://spdx.dev/Document';
  // Of a list, the place is asked for: these others come before, and none of them is there.
  const others = Array.from({ length: 1500 }, (_, n) => ({
    mediaType: MEDIA_TYPE.manifest,
    digest: `sha256:${String(n).padStart(64, '0')}`,
    size: 1,
    artifactType: BUNDLE_TYPE,
    ...(n % 2 === 0 && {
      annotations: { 'dev.sigstore.bundle.predicateType': 'https://slsa.dev/provenance/v1' },
    }),
  }));
  await signImage(remote, image, 'a', key, 'bundle');
  await attestImage(remote, image, [], { predicateType: kind, predicate: {} }, key);
  const listed = await fetch(`http://${fake.host}/v2/me/a/referrers/${digest}`);
  const list = (await listed.json()) as { manifests: object[] };
  list.manifests.unshift(...others);
  fake.hook = (_req, res, seen) => {
    if (!seen.path.includes('/referrers/')) return false;
    res.writeHead(200, { 'content-type': MEDIA_TYPE.index }).end(JSON.stringify(list));
    return true;
  };
  for (const wanted of [undefined, kind]) {
    for await (const { manifest } of remote.attached(digest, wanted)) {
      const said = manifest.annotations?.['dev.sigstore.bundle.predicateType'];
      assert.equal(said, wanted ?? 'https://sigstore.dev/cosign/sign/v1');
      break;
    }
  }
  list.manifests.splice(0, 1380);
  assert.equal((await verifyImage(remote, digest, [pub])).good.length, 1);
  assert.equal((await verifyAttestations(remote, digest, [pub], kind)).good.length, 1);
});

test('attestations of the older form, which cosign attest keeps under a tag unless it is told otherwise', async (t) => {
  const fake = await startFake();
  t.after(() => fake.close());
  using remote = registryPlace(fake.host, 'me/a');
  const kind = 'https://spdx.dev/Document';
  assert.deepEqual(await verifyAttestations(remote, digest, [pub], kind), { good: [], refused: [] });
  const envelopeOf = (about: string, type: string) =>
    JSON.parse(String(bundleOf(makeStatement([about], type, { n: 1 }), key))).dsseEnvelope;
  const layers = [];
  const elsewhere = `sha256:${'2'.repeat(64)}`;
  for (const said of [envelopeOf(digest, kind), envelopeOf(elsewhere, kind), envelopeOf(digest, 'x:y'), {}])
    layers.push(await remote.putBlob(Buffer.from(JSON.stringify(said)), ENVELOPE_TYPE));
  const config = await remote.putBlob(Buffer.from('{}'), 'application/vnd.oci.image.config.v1+json');
  const manifest = { schemaVersion: 2 as const, mediaType: MEDIA_TYPE.manifest, config, layers };
  const bytes = Buffer.from(JSON.stringify(manifest));
  await remote.attach(digest, { bytes, manifest, tag: `${digest.replace(':', '-')}.att` });
  const { good, refused } = await verifyAttestations(remote, digest, [other, pub], kind);
  assert.deepEqual(good, [{ signer: pub, predicate: { n: 1 } }]);
  assert.deepEqual(refused, ['it is for another image', 'it is a x:y', 'it cannot be read']);
  const theirs = await verifyAttestations(remote, digest, [other], kind);
  assert.deepEqual([theirs.good, theirs.refused[0]], [[], 'another key signed it']);
  assert.deepEqual((await verifyImage(remote, digest, [pub])).good, [], 'and is no signature of the image');
});

test('attestations: what is damaged, or is none, is left out, and the others are read', async (t) => {
  const store = await Store.open(tempDir(t));
  const { entry } = await putTestImage(store, 'a:1', 'program');
  const kind = (n: number) => `https://example.com/kind/${n}`;
  for (const n of [1, 2, 3])
    await attestImage(storePlace(store), entry, [], { predicateType: kind(n), predicate: { n } }, key);
  await signImage(storePlace(store), entry, 'a', key, 'bundle');
  // Another tool's artifact, with a layer that is no bundle.
  const layer = await store.putBlob(Buffer.from('text'), 'text/plain');
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: layer,
    layers: [layer],
    subject: entry,
  };
  await store.attach(entry.digest, Buffer.from(JSON.stringify(manifest)), MEDIA_TYPE.manifest);
  const kinds = async () =>
    (await readAttestations(store, (await store.resolve('a:1'))!)).map((a) => a.predicateType).sort();
  assert.deepEqual(await kinds(), [kind(1), kind(2), kind(3)]);
  const [first, second] = store.attached(entry.digest);
  rmSync(store.blobPath(first!.digest));
  const { layers } = JSON.parse(Buffer.from(await store.readBlob(second!.digest)).toString());
  writeFileSync(store.blobPath(layers[0].digest), 'changed');
  assert.deepEqual(await kinds(), [kind(3)]);
});
