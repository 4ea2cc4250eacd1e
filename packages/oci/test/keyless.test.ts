import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { mockSigstore } from '../../../test/support/sigstore.ts';
import { checkBundle, readBundle, type Signer } from '../src/signatures/bundle.ts';
import { generateKeyPair, readPublicKey } from '../src/signatures/index.ts';
import { type CertificateIdentity, keylessSigner } from '../src/signatures/keyless.ts';
import { makeStatement, signStatement } from '../src/signatures/statement.ts';
import { failsWith } from './helpers/errors.ts';

const digest = `sha256:${'1'.repeat(64)}`;
const me = 'https://github.com/me/probes/.github/workflows/release.yaml@refs/tags/v1';
const github = 'https://token.actions.githubusercontent.com';
const sigstore = await mockSigstore();
const other = await mockSigstore();
const good = await sigstore.sign(signStatement(digest), me, github);

const signer = (wanted: CertificateIdentity, root = sigstore.root): Signer =>
  keylessSigner(Buffer.from(root), 'root.json', wanted);
const exact = { identity: me, issuer: github };

async function why(bytes: Uint8Array, signers: Signer[], of = digest): Promise<string> {
  const found = await checkBundle(readBundle(bytes)!, of, signers);
  return 'why' in found ? found.why : `signed by ${found.signer.name}`;
}

test('a certificate counts for whom it names, under the root that it comes from', async () => {
  assert.equal(await why(good, [signer(exact)]), `signed by ${me} (${github})`);
  const pattern = { identity: /https:\/\/github\.com\/me\/.*/, issuer: /https:\/\/token\..*/ };
  assert.match(await why(good, [signer(pattern)]), /^signed by \/https/);
  const key = readPublicKey((await generateKeyPair('')).publicKey, 'cosign.pub');
  assert.match(await why(good, [key, signer(exact)]), /^signed by https/);
  assert.equal(await why(good, [key]), 'it is signed with a certificate, not with a key');
  const wrong: CertificateIdentity[] = [
    { identity: `${me}2`, issuer: github },
    { identity: me, issuer: `${github}/` },
    { identity: /github\.com/, issuer: github }, // a part of the name is not the name
    { identity: me, issuer: /token/ },
    { identity: '', issuer: '' },
  ];
  for (const names of wrong) assert.match(await why(good, [signer(names)]), /^its certificate is for https:/);
  assert.match(
    await why(good, [signer(exact, other.root)]),
    /^its certificate does not hold under root\.json/,
  );
});

test('what it signs is checked as for a key', async () => {
  const sbom = await sigstore.sign(makeStatement([digest], 'https://spdx.dev/Document', {}), me, github);
  assert.match(await why(sbom, [signer(exact)]), /^it is no signature but a https:\/\/spdx/);
  assert.equal(await why(good, [signer(exact)], digest.replace('1', '2')), 'it is for another image');
});

test('a signature of another key, a late one, and a log that was tampered with do not count', async () => {
  const theirs = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const forged = await sigstore.sign(signStatement(digest), me, github, { key: theirs });
  assert.match(await why(forged, [signer(exact)]), /signature verification failed/);
  const late = new Date(Date.now() + 3_600_000);
  const expired = await sigstore.sign(signStatement(digest), me, github, { logged: late });
  assert.match(await why(expired, [signer(exact)]), /not valid or expired|certificate chain/);
  const changes: ((entry: Record<string, unknown>, material: Record<string, unknown>) => void)[] = [
    (entry) => Object.assign(entry, { integratedTime: '1' }),
    (entry) => Object.assign(entry, { canonicalizedBody: Buffer.from('{}').toString('base64') }),
    (entry) => delete entry.inclusionPromise,
    (_, material) => Object.assign(material, { tlogEntries: [] }),
    (_, material) => Object.assign(material, { certificate: { rawBytes: 'AAAA' } }),
    (_, material) => delete material.certificate,
  ];
  for (const [i, change] of changes.entries()) {
    const json = JSON.parse(Buffer.from(good).toString());
    change(json.verificationMaterial.tlogEntries[0], json.verificationMaterial);
    const result = await why(Buffer.from(JSON.stringify(json)), [signer(exact)]);
    assert.match(result, /^its certificate does not hold under root\.json: ./, `change ${i}: ${result}`);
  }
  // Another statement in the envelope of a good signature.
  const json = JSON.parse(Buffer.from(good).toString());
  const two = digest.replace(/1/g, '2');
  json.dsseEnvelope.payload = Buffer.from(signStatement(two)).toString('base64');
  assert.match(await why(Buffer.from(JSON.stringify(json)), [signer(exact)], two), /does not hold/);
});

test('what is no root of trust is said to be none', async () => {
  const type = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1';
  for (const text of ['', '{}', '[]', `{"mediaType":"${type}","tlogs":[{"publicKey":5}]}`])
    await failsWith('SKEP_KEY', () => signer(exact, text), /root\.json is no root of trust/);
  const empty = signer(exact, JSON.stringify({ mediaType: type }));
  assert.match(await why(good, [empty]), /^its certificate does not hold/);
});
