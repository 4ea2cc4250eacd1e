// What an image says of its own making, unsigned in its index and signed beside it. cosign is the other reader of the signed
// ones, where it is in the cache: sh scripts/cosign.sh.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Store } from '@skep/oci';
import { makeStatement, registryPlace, storePlace } from '@skep/oci/signatures';
import { mockSigstore } from '../../../test/support/sigstore.ts';
import { wantedAttestations } from '../src/attest-build.ts';
import { Sandbox } from './harness.ts';
import { source } from './objects.ts';
import { realRegistry } from './real-registry.ts';

const cosign = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'skep/cosign-2.6.5/cosign');
const env = { COSIGN_PASSWORD: 'secret', SOURCE_DATE_EPOCH: '1767225600' };
const both = ['--provenance=mode=max', '--sbom=true'];
const box = new Sandbox();
let registry: Awaited<ReturnType<typeof realRegistry>>;

before(async () => {
  writeFileSync(box.path('calls.c'), source);
  writeFileSync(
    box.path('root.json'),
    '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}',
  );
  registry = await realRegistry(box);
  await box.ok(['sign', '--generate-key-pair'], { env });
  await box.ok(['sign', '--generate-key-pair', '--output-key-prefix', 'other'], { env });
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  box[Symbol.dispose]();
});

const template = (what: string, name: string, options = {}) =>
  box.ok(['inspect', '--format', what, name], options);

test('provenance and SBOM are in the index, and go wherever it goes', async () => {
  const name = `${registry.host}/me/calls:1`;
  const flags = ['--cflags', '-DLIMIT=7', '--description', 'd'];
  const said = await box.ok(['build', 'calls.c', name, ...both, ...flags, '-q'], { env });
  assert.equal(
    await box.ok(['build', 'calls.c', name, ...both, ...flags, '-q'], { env }),
    said,
    'reproducible',
  );
  const slsa = JSON.parse(await template('{{json .Provenance.SLSA}}', name));
  assert.deepEqual(slsa.buildDefinition.externalParameters, {
    name: 'calls',
    platforms: [`linux/${process.arch === 'arm64' ? 'arm64' : 'amd64'}`],
    cflags: ['-DLIMIT=7'],
  });
  const [dependency] = slsa.buildDefinition.resolvedDependencies.filter((d: { name?: string }) => d.name);
  const { createHash } = await import('node:crypto');
  assert.deepEqual(dependency, {
    name: 'calls.c',
    digest: { sha256: createHash('sha256').update(source).digest('hex') },
  });
  assert.equal(slsa.runDetails.metadata, undefined, 'no times where a second build is to be the same');
  const spdx = JSON.parse(await template('{{json .SBOM.SPDX}}', name));
  assert.equal(spdx.spdxVersion, 'SPDX-2.3');
  assert.equal(spdx.creationInfo.created, '2026-01-01T00:00:00Z');
  const { layers } = JSON.parse(await template('{{json .Manifest}}', name));
  const object = spdx.files.find((f: { fileTypes: string[] }) => f.fileTypes[0] === 'BINARY');
  assert.equal(object.checksums[1].checksumValue, layers[0].digest.slice(7), 'the object of the image');
  assert.match(await box.ok(['describe', name]), /^Says: +provenance \(SLSA\), SBOM \(SPDX\)$/m);

  await box.ok(['push', name]);
  // The part for this machine alone takes along what is said of it, and can be sent on.
  const away = { env: { SKEP_STORAGE: box.path('away') } };
  await box.ok(['pull', name], away);
  const attestations = JSON.parse(await template('{{json .Attestations}}', name, away));
  assert.deepEqual(
    attestations.map((a: { Kind: string; Signed: boolean }) => [a.Kind, a.Signed]),
    [
      ['provenance', false],
      ['sbom', false],
    ],
  );
  await box.ok(['tag', name, `${registry.host}/again/calls:1`], away);
  await box.ok(['push', `${registry.host}/again/calls:1`], away);
  await box.ok(['save', '-o', 'calls.tar', name], away);
  const loaded = { env: { SKEP_STORAGE: box.path('loaded') } };
  await box.ok(['load', '-i', box.path('calls.tar')], loaded);
  assert.equal(
    await template('{{.Provenance.SLSA.buildDefinition.buildType}}', name, loaded),
    'urn:dev.skep:build:v1\n',
  );
});

test('signed ones lie beside the image, count for their key and kind, and are no signature', async () => {
  const name = `${registry.host}/me/signed:1`;
  const plain = await box.ok(['build', 'calls.c', name, '--description', 'signed', '-q'], { env });
  const digest = await box.ok(
    ['build', 'calls.c', name, '--description', 'signed', '-q', ...both, '--attest-key', 'cosign.key'],
    { env },
  );
  assert.equal(digest, plain, 'the digest does not change with what is said beside it');
  assert.match(await box.ok(['describe', name]), /^Says: +provenance \(SLSA\), SBOM \(SPDX\), signed$/m);
  await box.fails(9, /it is no signature but a https:\/\/slsa/, ['verify', '--key', 'cosign.pub', name]);
  await box.ok(['push', name]);
  const check = ['verify', '--registry', '--key', 'cosign.pub', '--type'];
  const found = JSON.parse(await box.ok([...check, 'slsaprovenance1', '-o', 'json', name]));
  assert.equal(found.attestations.length, 1);
  assert.equal(found.attestations[0].predicate.buildDefinition.externalParameters.name, 'signed');
  assert.match(
    await box.ok([...check, 'spdxjson', name]),
    /\nhttps:\/\/spdx\.dev\/Document by cosign\.pub\n$/,
  );
  await box.fails(9, /no attestation https:\/\/cyclonedx.org\/bom/, [...check, 'cyclonedx', name]);
  await box.fails(9, /another key signed it/, ['verify', '--key', 'other.pub', '--type', 'spdx', name]);
  await box.fails(2, /--type does not know "sbom"/, [...check, 'sbom', name]);
  // A copy has them too.
  await box.ok(['copy', name, `${registry.host}/copied/signed`]);
  await box.ok([...check, 'spdxjson', `${registry.host}/copied/signed:1`]);
});

test('cosign reads what is signed', {
  skip: existsSync(cosign) ? false : 'needs cosign: sh scripts/cosign.sh',
}, () => {
  const name = `${registry.host}/me/signed:1`;
  const verify = (type: string, key: string) =>
    execFileSync(
      cosign,
      [
        ...[
          'verify-attestation',
          '--type',
          type,
          '--key',
          key,
          '--insecure-ignore-tlog',
          '--allow-http-registry',
        ],
        ...['--new-bundle-format', '--trusted-root', 'root.json', name],
      ],
      { cwd: box.dir, env: { ...box.env, ...env }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    );
  for (const [type, uri] of [
    ['slsaprovenance1', 'https://slsa.dev/provenance/v1'],
    ['spdxjson', 'https://spdx.dev/Document'],
  ] as const) {
    const { payload } = JSON.parse(verify(type, 'cosign.pub').trim().split('\n')[0]!);
    assert.equal(JSON.parse(Buffer.from(payload, 'base64').toString()).predicateType, uri);
    assert.throws(() => verify(type, 'other.pub'));
  }
});

test('what cosign attests is read, in both of its forms', {
  skip: existsSync(cosign) ? false : 'needs cosign: sh scripts/cosign.sh',
}, async () => {
  for (const form of [true, false]) {
    const name = `${registry.host}/me/theirs:${form}`;
    await box.ok(['build', 'calls.c', name, '--description', String(form)]);
    await box.ok(['push', name]);
    writeFileSync(box.path('said.json'), JSON.stringify({ form }));
    const way = [`--new-bundle-format=${form}`, '--tlog-upload=false', '--use-signing-config=false', '-y'];
    const about = ['--type', 'custom', '--predicate', 'said.json', '--key', 'cosign.key'];
    execFileSync(cosign, ['attest', ...about, ...way, '--allow-http-registry', name], {
      ...{ cwd: box.dir, env: { ...box.env, ...env }, stdio: 'pipe' },
    });
    const check = ['verify', '--registry', '--type', 'custom', name, '-o', 'json', '--key'];
    const { attestations } = JSON.parse(await box.ok([...check, 'cosign.pub']));
    assert.equal(attestations.length, 1);
    assert.match(JSON.stringify(attestations[0].predicate), new RegExp(`form.*${form}`));
    await box.fails(9, /another key signed it/, [...check, 'other.pub']);
  }
});

test('a certificate is as good as a key, for verify and for a policy', async () => {
  const name = `${registry.host}/me/signed:1`;
  const sigstore = await mockSigstore();
  writeFileSync(box.path('trusted_root.json'), sigstore.root);
  const [identity, issuer] = ['https://ci.example/me', 'https://token.example'];
  const digest = (await template('{{.Digest}}', name)).trim();
  const statement = makeStatement([digest], 'https://sigstore.dev/cosign/sign/v1', {});
  const bundle = await sigstore.sign(statement, identity, issuer);
  const store = await Store.open(box.path('store'));
  using place = registryPlace(registry.host, 'me/signed');
  for (const at of [place, storePlace(store)]) {
    const type = 'application/vnd.dev.sigstore.bundle.v0.3+json';
    const image = await store.resolve(name);
    const { mediaType, size } = image!.descriptor;
    const manifest = {
      schemaVersion: 2 as const,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: type,
      config: await at.putBlob(Buffer.from('{}'), 'application/vnd.oci.empty.v1+json'),
      layers: [await at.putBlob(bundle, type)],
      subject: { mediaType, digest, size },
    };
    await at.attach(digest, { bytes: Buffer.from(JSON.stringify(manifest)), manifest });
  }
  const root = ['--trusted-root', 'trusted_root.json'];
  const names = ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer];
  assert.equal(
    await box.ok(['verify', ...root, ...names, '--registry', name]),
    `${name}: digest: ${digest}\nsigned by ${identity} (${issuer}) (bundle)\n`,
  );
  const wide = ['--certificate-identity-regexp', '.*', '--certificate-oidc-issuer-regexp', '.*'];
  const json = JSON.parse(await box.ok(['verify', ...root, ...wide, '-o', 'json', name]));
  assert.deepEqual(json.signatures, [{ certificate: '/.*/ (/.*/)', format: 'bundle' }]);
  await box.fails(9, /its certificate is for https:\/\/ci\.example\/me/, [
    'verify',
    ...root,
    '--certificate-identity',
    'x',
    '--certificate-oidc-issuer',
    issuer,
    name,
  ]);
  await box.fails(2, /--trusted-root is missing/, ['verify', ...names, name]);
  await box.fails(2, /whom it names and for who says so/, ['verify', ...root, name]);
  await box.fails(2, /exclude each other/, ['verify', ...root, ...names, ...wide, name]);
  await box.fails(2, /no regular expression/, [
    'verify',
    ...root,
    '--certificate-identity-regexp',
    '(',
    name,
  ]);
  await box.fails(7, /root of trust/, ['verify', '--trusted-root', 'calls.c', ...names, name]);
  await box.fails(3, /none\.json/, ['verify', '--trusted-root', 'none.json', ...names, name]);

  const { policyCheck } = await import('../src/trust/policy-check.ts');
  const image = { name, objects: [] };
  const stored = (await store.resolve(name))!;
  delete stored.descriptor.annotations; // as if it came from elsewhere
  const held = async (who: string) => {
    const signers = `signers: { ci: { identity: "${who}", issuer: ${issuer}, trusted-root: trusted_root.json } }`;
    writeFileSync(box.path('policy.yaml'), `${signers}\nrules: [{ images: "*", signers: ci }]\n`);
    const check = await policyCheck(box.path('policy.yaml'), name, undefined);
    return check({ image, stored }, store);
  };
  await held('https://ci.example/*');
  await assert.rejects(held('https://ci.example/you'), /not signed by ci/);
});

test('the flags are docker’s, and a wrong word is a sentence', async () => {
  const wanted = (flags: object) => wantedAttestations(flags);
  assert.equal(wanted({}), undefined);
  assert.equal(wanted({ provenance: 'false', sbom: 'false' }), undefined);
  assert.deepEqual(wanted({ provenance: true, sbom: true }), {
    provenance: { mode: 'min', builderId: undefined },
    sbom: true,
  });
  assert.deepEqual(
    wanted({ attest: ['type=sbom', 'type=provenance,mode=max,builder-id=https://ci.example/7'] }),
    {
      provenance: { mode: 'max', builderId: 'https://ci.example/7' },
      sbom: true,
    },
  );
  assert.equal(wanted({ attest: ['type=provenance,disabled=true'] }), undefined);
  const wrong: [object, RegExp][] = [
    [{ provenance: 'calls:1' }, /--provenance does not know "calls:1"/],
    [{ provenance: 'mode=all' }, /does not know "mode=all"/],
    [{ sbom: 'generator=x' }, /--sbom does not know "generator=x"/],
    [{ attest: ['sbom'] }, /--attest is for type=/],
    [{ attest: ['type=vex'] }, /--attest is for type=/],
    [{ attestKey: 'cosign.key' }, /nothing to sign/],
  ];
  for (const [flags, message] of wrong) assert.throws(() => wanted(flags), message);
  await box.fails(2, /does not know "calls:1"/, ['build', 'calls.c', '--provenance', 'calls:1']);
  await box.fails(2, /only an image can say/, ['build', 'calls.c', '--sbom=true']);
  await box.fails(2, /no place for provenance/, [
    'build',
    'calls.c',
    'x:1',
    '--sbom=true',
    '--format',
    'bee',
  ]);
});
