import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, createReadStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { copy, login, MEDIA_TYPE, openRegistry, type Progress, pull, push, Store } from '../src/index.ts';
import { type RealRegistry, startRegistry } from './helpers/docker-registry.ts';
import { failsWith } from './helpers/errors.ts';
import { CONFIG_TYPE, PROGRAM_TYPE, putTestImage } from './helpers/image.ts';
import { run } from './helpers/run.ts';
import { tempDir } from './helpers/temp.ts';

// Debian's docker-registry, and skopeo as the other client.
const dir = tempDir({ after });
let open: RealRegistry;
let closed: RealRegistry;
let tls: RealRegistry;
const ca = join(dir, 'cert.pem');
const quick = { retry: { attempts: 2, pauseMs: 5 } };
const noLogins = { env: { HOME: dir, PATH: process.env.PATH } };

before(async () => {
  const key = join(dir, 'key.pem');
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=test',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      key,
      '-out',
      ca,
    ],
    { stdio: 'ignore' },
  );
  [open, closed, tls] = await Promise.all([
    startRegistry(dir),
    startRegistry(dir, { user: ['me', 'pass:word'] }),
    startRegistry(dir, { tls: { certificate: ca, key } }),
  ]);
});
after(() => Promise.all([open?.stop(), closed?.stop(), tls?.stop()]));

test('push, then pull into another store, byte for byte', async (t) => {
  const a = await Store.open(join(tempDir(t), 'a'));
  const b = await Store.open(join(tempDir(t), 'b'));
  const ref = `${open.host}/probes/oomkill:1`;
  const { entry, layer } = await putTestImage(a, ref, randomBytes(6300), {
    'org.opencontainers.image.description': 'd',
  });
  const steps: Progress[] = [];
  const result = await push(a, ref, { onProgress: (p) => steps.push(p) });
  assert.equal(result.digest, entry.digest);
  assert.equal(result.uploaded.length, 2);
  assert.deepEqual(
    steps
      .filter((s) => s.status === 'done')
      .map((s) => s.done)
      .sort(),
    [2, 6300].sort(),
  );
  const image = await pull(b, ref);
  assert.equal(image.descriptor.digest, entry.digest);
  assert.equal(image.manifest.annotations?.['org.opencontainers.image.description'], 'd');
  assert.ok(Buffer.from(await b.readBlob(layer.digest)).equals(Buffer.from(await a.readBlob(layer.digest))));
  // Again: nothing moves.
  const again: Progress[] = [];
  assert.deepEqual((await push(a, ref, { onProgress: (p) => again.push(p) })).uploaded, []);
  await pull(b, ref, { onProgress: (p) => again.push(p) });
  assert.ok(again.every((s) => s.status === 'exists'));
  const byDigest = await pull(b, `${open.host}/probes/oomkill@${entry.digest}`);
  assert.equal(byDigest.descriptor.digest, entry.digest);
});

test('skopeo and we read what the other pushed', async (t) => {
  const store = await Store.open(join(tempDir(t), 's'));
  const ref = `${open.host}/mixed/x:1`;
  const { entry } = await putTestImage(store, ref, 'program');
  await push(store, ref);
  const copy = join(tempDir(t), 'copy');
  await run('skopeo', ['copy', '--src-tls-verify=false', `docker://${ref}`, `oci:${copy}:x:1`]);
  const theirs = await Store.open(copy);
  assert.equal((await theirs.resolve('x:1'))?.descriptor.digest, entry.digest);
  await run('skopeo', [
    'copy',
    '--dest-tls-verify=false',
    `oci:${copy}:x:1`,
    `docker://${open.host}/mixed/y:2`,
  ]);
  assert.equal((await pull(store, `${open.host}/mixed/y:2`)).descriptor.digest, entry.digest);
});

test('a large layer streams both ways', async (t) => {
  const store = await Store.open(join(tempDir(t), 's'));
  const other = await Store.open(join(tempDir(t), 'o'));
  const ref = `${open.host}/large/x:1`;
  const { layer } = await putTestImage(store, ref, randomBytes(9_000_001));
  let most = 0;
  await push(store, ref, { onProgress: (p) => (most = Math.max(most, p.done)) });
  assert.equal(most, 9_000_001);
  await pull(other, ref);
  assert.ok(await other.hasBlob(layer.digest));
  await other.readBlob(layer.digest);
});

test('an index goes up whole, and comes down as it is, with the parts that are asked for', async (t) => {
  const store = await Store.open(join(tempDir(t), 's'));
  const other = await Store.open(join(tempDir(t), 'o'));
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const parts = [await putTestImage(store, 'p:1', 'riscv'), await putTestImage(store, 'p:2', 'mine')];
  const manifests = parts.map((p, i) => ({
    mediaType: p.entry.mediaType,
    digest: p.entry.digest,
    size: p.entry.size,
    platform: { os: 'linux', architecture: i === 0 ? 'riscv64' : arch },
  }));
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests };
  const ref = `${open.host}/multi/x:1`;
  await store.putImage(ref, Buffer.from(JSON.stringify(index)), MEDIA_TYPE.index);
  await push(store, ref);
  const image = await pull(other, ref);
  const top = (await store.resolve(ref))?.descriptor.digest;
  assert.equal(image.descriptor.digest, top, 'the digest that was pushed, which signatures are about');
  assert.deepEqual(image.index?.manifests, manifests);
  assert.equal(image.manifestDescriptor.digest, parts[1]?.entry.digest);
  assert.ok(!(await other.hasBlob(parts[0]?.entry.digest as string)), 'nothing else was fetched');
  const riscv = { os: 'linux', architecture: 'riscv64' };
  assert.match(
    (await failsWith('SKEP_NOT_FOUND', () => other.resolve(ref, riscv))).hint,
    /--platform linux\/riscv64/,
  );
  const back = await failsWith(
    'SKEP_NOT_FOUND',
    () => push(other, ref),
    /linux\/riscv64 too, but .* not here/,
  );
  assert.match(back.hint, /--platform all/);
  const foreign = await pull(other, ref, { platform: 'linux/riscv64' });
  assert.equal(foreign.manifestDescriptor.digest, parts[0]?.entry.digest);
  assert.equal(
    (await other.resolve(ref))?.manifestDescriptor.digest,
    parts[1]?.entry.digest,
    "this machine's",
  );
  await push(other, ref);
  assert.deepEqual((await other.check()).problems, []);
  for (const platform of ['all', `linux/riscv64,linux/${arch}`]) {
    const third = await Store.open(join(tempDir(t), 't'));
    assert.equal((await pull(third, ref, { platform })).descriptor.digest, top);
    for (const part of parts) assert.ok(await third.hasBlob(part.layer.digest));
    assert.equal((await third.remove(ref)).freed.length, 6, 'all goes with the last name');
  }
  const e = await failsWith('SKEP_PLATFORM', () => pull(other, ref, { platform: 'linux/s390x' }));
  assert.match(e.hint, /linux\/riscv64/);
});

test('a registry with a password: refused without, accepted with, and login remembers', async (t) => {
  const home = tempDir(t);
  const env = { HOME: home, PATH: process.env.PATH };
  const store = await Store.open(join(home, 'store'));
  const ref = `${closed.host}/secret/x:1`;
  await putTestImage(store, ref, 'program');
  const e = await failsWith('SKEP_UNAUTHORIZED', () => push(store, ref, { env }));
  assert.match(e.hint, new RegExp(`skep login ${closed.host}`));
  await failsWith(
    'SKEP_UNAUTHORIZED',
    () => push(store, ref, { env, username: 'me', password: 'wrong' }),
    /does not accept the login of me/,
  );
  await failsWith(
    'SKEP_UNAUTHORIZED',
    () => login(closed.host, { username: 'me', password: 'wrong' }, { env }),
    /does not accept/,
  );
  const { storedIn } = await login(closed.host, { username: 'me', password: 'pass:word' }, { env });
  assert.equal(storedIn, join(home, '.docker', 'config.json'));
  assert.equal((await push(store, ref, { env })).uploaded.length, 2);
  await pull(store, ref, { env });
  // skopeo accepts the file that we wrote.
  await run('skopeo', ['inspect', '--raw', '--tls-verify=false', '--authfile', storedIn, `docker://${ref}`]);
});

test('TLS: an unknown authority is refused, --ca-file and --insecure accept it, plain HTTP is told', async (t) => {
  const store = await Store.open(join(tempDir(t), 's'));
  const ref = `${tls.host}/x/y:1`;
  await putTestImage(store, ref, 'program');
  // On loopback plain HTTP is tried first, and the server says that it wants TLS.
  const e = await failsWith('SKEP_REGISTRY_TLS', () => push(store, ref, quick), /certificate of 127/);
  assert.match(e.hint, /--ca-file/);
  assert.doesNotMatch(e.message, /Node/, "Node's advice about its own flags is not ours");
  const byName = `localhost:${tls.host.split(':')[1]}/x/y:1`;
  await putTestImage(store, byName, 'program');
  const other = await failsWith(
    'SKEP_REGISTRY_TLS',
    () => push(store, byName, { ...quick, caFile: ca }),
    /altnames/,
  );
  assert.match(other.hint, /Use a name that the certificate has/);
  await push(store, ref, { ...quick, caFile: ca });
  await pull(store, ref, { ...quick, insecure: true });
  await pull(store, ref, { ...quick, plainHttp: false, caFile: ca });
  const plain = await failsWith(
    'SKEP_REGISTRY_TLS',
    () => pull(store, `${open.host}/x/y:1`, { ...quick, plainHttp: false }),
    /plain HTTP/,
  );
  assert.match(plain.hint, /--plain-http/);
  // As --tls-verify=false of podman: whichever it speaks.
  const anyway = { ...quick, plainHttp: false, insecure: true, mayBePlain: true };
  for (const { host } of [open, tls]) {
    await putTestImage(store, `${host}/x/y:2`, 'program');
    await push(store, `${host}/x/y:2`, anyway);
    await pull(store, `${host}/x/y:2`, anyway);
  }
  await copy(`${open.host}/x/y:2`, `${tls.host}/x/y:3`, anyway);
  await failsWith(
    'SKEP_CA_FILE',
    () => pull(store, ref, { caFile: join(dir, 'absent.pem') }),
    /cannot be read/,
  );
  writeFileSync(join(dir, 'junk.pem'), 'junk');
  await failsWith('SKEP_CA_FILE', () => pull(store, ref, { caFile: join(dir, 'junk.pem') }), /no PEM/);
});

test('certificates that the machine keeps for a registry are found where podman and docker keep them', async (t) => {
  const store = await Store.open(join(tempDir(t), 's'));
  const ref = `${tls.host}/x/kept:1`;
  await putTestImage(store, ref, 'program');
  const home = tempDir(t);
  const folder = join(home, '.config/containers/certs.d', tls.host);
  const how = { ...quick, env: { HOME: home } };
  mkdirSync(folder, { recursive: true });
  await failsWith('SKEP_REGISTRY_TLS', () => push(store, ref, how), /certificate of 127/);
  copyFileSync(ca, join(folder, 'ours.crt'));
  await push(store, ref, how);
  // One that wants to know who we are, and another host that is not told.
  const seen: [string, boolean][] = [];
  const options = { cert: readFileSync(ca), key: readFileSync(join(dir, 'key.pem')), requestCert: true };
  const serve = async (name: string, answer: (res: ServerResponse) => void) => {
    const server = createServer({ ...options, rejectUnauthorized: false }, (req, res) => {
      seen.push([name, Object.keys((req.socket as TLSSocket).getPeerCertificate()).length > 0]);
      answer(res);
    }).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const storage = await serve('storage', (res) => res.end('content'));
  const asking = await serve('registry', (res) =>
    res.writeHead(307, { location: `https://${storage}/blob` }).end(),
  );
  const kept = join(home, '.config/containers/certs.d', asking);
  mkdirSync(kept);
  copyFileSync(ca, join(kept, 'ca.crt'));
  copyFileSync(ca, join(kept, 'me.cert'));
  const ask = async () => {
    using registry = await openRegistry(asking, { ...how, plainHttp: false });
    const res = await registry.request('x', 'y', { method: 'GET', expect: [200], what: 'ask' });
    res.resume();
  };
  await failsWith('SKEP_CA_FILE', ask, /has me\.cert, but no me\.key/);
  copyFileSync(join(dir, 'key.pem'), join(kept, 'me.key'));
  await ask();
  assert.deepEqual(seen, [
    ['registry', true],
    ['storage', false],
  ]);
});

test('names that cannot be pushed or pulled', async (t) => {
  const store = await Store.open(join(tempDir(t), 's'));
  await putTestImage(store, 'local', 'x');
  const e = await failsWith('SKEP_REFERENCE_INVALID', () => push(store, 'local'), /says no registry/);
  assert.match(e.hint, /skep tag local:latest/);
  await failsWith('SKEP_REFERENCE_INVALID', () => pull(store, 'local'));
  await failsWith('SKEP_NOT_FOUND', () => push(store, `${open.host}/not/here`), /in the store/);
  await failsWith(
    'SKEP_NOT_FOUND',
    () => pull(store, `${open.host}/not/here`, noLogins),
    /has nothing to pull not\/here:latest/,
  );
  assert.equal((await store.list()).length, 1);
});

test('a damaged blob is found before or while it is sent', async (t) => {
  const store = await Store.open(join(tempDir(t), 's'));
  for (const size of [100, 600_000]) {
    const ref = `${open.host}/damaged/x:${size}`;
    const { layer } = await putTestImage(store, ref, randomBytes(size));
    writeFileSync(store.blobPath(layer.digest), randomBytes(size));
    await failsWith('SKEP_STORE_CORRUPT', () => push(store, ref, quick), /damaged/);
    await failsWith('SKEP_NOT_FOUND', () => pull(store, ref));
  }
});

test('a bee image on a registry is pulled as it is', async (t) => {
  const store = await Store.open(join(tempDir(t), 's'));
  const registry = await openRegistry(open.host);
  t.after(() => registry.close());
  const bee = await Store.open(join(tempDir(t), 'bee'));
  const config = {
    ...(await bee.putBlob(Buffer.from('{}'), CONFIG_TYPE)),
    annotations: { 'org.opencontainers.image.title': 'config.json' },
  };
  const layer = {
    ...(await bee.putBlob(Buffer.from('ELF'), PROGRAM_TYPE)),
    annotations: { 'org.opencontainers.image.title': 'program.o' },
  };
  for (const descriptor of [config, layer]) {
    await registry.putBlob(
      'bee/x',
      {
        descriptor,
        open: (start) => createReadStream(bee.blobPath(descriptor.digest), { start }),
        read: () => bee.readBlob(descriptor.digest),
      },
      () => undefined,
    );
  }
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: [layer] }));
  await registry.putManifest('bee/x', '1', manifest, MEDIA_TYPE.manifest);
  const image = await pull(store, `${open.host}/bee/x:1`);
  assert.equal(image.manifest.mediaType, undefined);
  assert.equal(image.manifest.layers[0]?.annotations?.['org.opencontainers.image.title'], 'program.o');
});
