import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { findCredentials, login, logout, openRegistry } from '../src/index.ts';
import { parseChallenges } from '../src/registry/challenge.ts';
import { proxyFor } from '../src/registry/proxy.ts';
import { failsWith } from './helpers/errors.ts';
import { startFake } from './helpers/fake-registry.ts';
import { tempDir } from './helpers/temp.ts';

const auth = (pair: string) => Buffer.from(pair).toString('base64');

function home(t: TestContext, files: Record<string, unknown> = {}) {
  const dir = tempDir(t);
  for (const [name, json] of Object.entries(files)) {
    const path = join(dir, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, typeof json === 'string' ? json : JSON.stringify(json));
  }
  return {
    dir,
    env: {
      HOME: dir,
      PATH: `${join(dir, 'bin')}:${process.env.PATH}`,
      XDG_RUNTIME_DIR: join(dir, 'run'),
    } as NodeJS.ProcessEnv,
  };
}

/** A `docker-credential-NAME` that keeps one login in a file, as a shell script. */
function installHelper(dir: string, name: string): void {
  mkdirSync(join(dir, 'bin'), { recursive: true });
  const path = join(dir, 'bin', `docker-credential-${name}`);
  writeFileSync(
    path,
    `#!/bin/sh
in=$(cat); f='${dir}/${name}.kept'
case $1 in
get) if [ -f "$f" ] && grep -q "\\"$in\\"" "$f"; then cat "$f"; else echo "credentials not found in native keychain"; exit 1; fi;;
store) echo "$in" > "$f";;
erase) rm -f "$f";;
esac
`,
  );
  chmodSync(path, 0o755);
}

test("docker's and podman's files are looked into, in order", async (t) => {
  const { env, dir } = home(t, {
    '.docker/config.json': {
      auths: {
        'a.test': { auth: auth('docker:x:y') },
        'https://b.test/v2/': { auth: auth('b:') },
        'https://index.docker.io/v1/': { auth: auth('hub:pw') },
        'empty.test': {},
      },
    },
    'run/containers/auth.json': {
      auths: {
        'a.test': { auth: auth('podman:z') },
        'c.test': { auth: auth('run:z') },
        'empty.test': { auth: auth('found:z') },
      },
    },
    '.config/containers/auth.json': {
      auths: {
        'd.test': { identitytoken: 'refresh', auth: auth('00:') },
        'e.test': { registrytoken: 'raw' },
      },
    },
    'other.json': { auths: { 'a.test': { auth: auth('other:1') } } },
  });
  const find = (host: string, more = {}) => findCredentials(host, { env, ...more });
  assert.deepEqual(await find('a.test'), { username: 'docker', password: 'x:y' });
  assert.deepEqual(await find('b.test'), { username: 'b', password: '' });
  assert.deepEqual(await find('c.test'), { username: 'run', password: 'z' });
  assert.deepEqual(await find('d.test'), { username: '00', identityToken: 'refresh' });
  assert.deepEqual(await find('e.test'), { registryToken: 'raw' });
  assert.deepEqual(await find('empty.test'), { username: 'found', password: 'z' });
  for (const hub of ['docker.io', 'index.docker.io']) assert.equal((await find(hub))?.username, 'hub');
  assert.equal(await find('a.test:5000'), undefined);
  assert.equal(
    (await find('a.test', { env: { ...env, REGISTRY_AUTH_FILE: join(dir, 'other.json') } }))?.username,
    'other',
  );
  assert.equal((await find('a.test', { authFiles: [join(dir, 'other.json')] }))?.username, 'other');
  assert.equal((await find('a.test', { username: 'u', password: 'p' }))?.username, 'u');
  const moved = home(t, { 'config.json': { auths: { 'a.test': { auth: auth('moved:x') } } } });
  assert.equal(
    (await findCredentials('a.test', { env: { ...moved.env, DOCKER_CONFIG: moved.dir } }))?.username,
    'moved',
  );
});

test('a login for a part of a registry is for that part alone, the longest name that fits', async (t) => {
  const fake = await startFake({ token: { user: 'me', password: 'secret' } });
  t.after(() => fake.close());
  const auths = {
    [`${fake.host}/org`]: { auth: auth('me:secret') },
    [`${fake.host}/org/closed`]: { auth: auth('me:wrong') },
    [`${fake.host}/org/a/b/c`]: { auth: auth('me:wrong') },
  };
  const { env } = home(t, { '.config/containers/auth.json': { auths } });
  using registry = await openRegistry(fake.host, { env });
  for (const [repository, code] of [
    ['org/a', 'SKEP_NOT_FOUND'],
    ['org/a/b', 'SKEP_NOT_FOUND'],
    ['org', 'SKEP_NOT_FOUND'],
    ['organ/a', 'SKEP_UNAUTHORIZED'],
    ['other', 'SKEP_UNAUTHORIZED'],
    ['org/closed/a', 'SKEP_UNAUTHORIZED'],
    ['org/a/b/c', 'SKEP_UNAUTHORIZED'],
  ] as const)
    await failsWith(code, () => registry.getManifest(repository, '1'));
});

test('broken files and missing helpers are told without showing a secret', async (t) => {
  const secret = 'hunter2hunter2';
  for (const text of [
    `{"auths": {"a.test": {"auth": "${secret}`,
    '[]',
    JSON.stringify({ auths: { 'a.test': { auth: auth('nocolon') } } }),
  ]) {
    const { env } = home(t, { '.docker/config.json': text });
    const e = await failsWith('SKEP_AUTH_FILE', () => findCredentials('a.test', { env }), /config\.json/);
    assert.ok(!`${e.message} ${e.hint} ${String(e.cause)}`.includes(secret));
  }
  const { env } = home(t, { '.docker/config.json': { credsStore: 'absent' } });
  await failsWith(
    'SKEP_AUTH_FILE',
    () => findCredentials('a.test', { env }),
    /docker-credential-absent is not in the PATH/,
  );
  const evil = home(t, { '.docker/config.json': { credsStore: '../../bin/sh' } });
  await failsWith('SKEP_AUTH_FILE', () => findCredentials('a.test', { env: evil.env }), /not run/);
});

test('helpers: asked, filled by login, emptied by logout', async (t) => {
  const fake = await startFake();
  t.after(() => fake.close());
  const { env, dir } = home(t, {
    '.docker/config.json': {
      credHelpers: { [fake.host]: 'one' },
      credsStore: 'all',
      HttpHeaders: { a: 'b' },
    },
  });
  installHelper(dir, 'one');
  installHelper(dir, 'all');
  assert.equal(await findCredentials(fake.host, { env }), undefined);
  assert.deepEqual(await login(fake.host, { username: 'u', password: 'p"w' }, { env }), {
    storedIn: 'docker-credential-one',
  });
  assert.deepEqual(await findCredentials(fake.host, { env }), { username: 'u', password: 'p"w' });
  const config = JSON.parse(readFileSync(join(dir, '.docker/config.json'), 'utf8'));
  assert.deepEqual(config.auths, { [fake.host]: {} });
  assert.deepEqual(config.HttpHeaders, { a: 'b' });
  writeFileSync(
    join(dir, 'all.kept'),
    JSON.stringify({ ServerURL: 'z.test', Username: '<token>', Secret: 'refresh' }),
  );
  assert.deepEqual(await findCredentials('z.test', { env }), { identityToken: 'refresh' });
  assert.equal(await logout(fake.host, { env }), true);
  assert.ok(!existsSync(join(dir, 'one.kept')));
  assert.equal(await findCredentials(fake.host, { env }), undefined);
  assert.equal(await logout(fake.host, { env }), true, 'a helper of its own may always hold something');
  assert.equal(await logout('unknown.test', { env }), false);
});

test("login writes docker's file: private, whole, everything else kept, also behind a link", async (t) => {
  const fake = await startFake();
  t.after(() => fake.close());
  const { env, dir } = home(t, {
    'dotfiles/docker.json': {
      auths: { 'x.test': { auth: 'eDp5' }, [`https://${fake.host}/v1/`]: { auth: 'b2xkOm9sZA==' } },
      psFormat: 'table',
    },
  });
  mkdirSync(join(dir, '.docker'));
  symlinkSync(join(dir, 'dotfiles/docker.json'), join(dir, '.docker/config.json'));
  await login(fake.host, { username: 'u', password: 'p' }, { env });
  assert.ok(lstatSync(join(dir, '.docker/config.json')).isSymbolicLink());
  const path = join(dir, 'dotfiles/docker.json');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), {
    auths: { 'x.test': { auth: 'eDp5' }, [fake.host]: { auth: auth('u:p') } },
    psFormat: 'table',
  });
  assert.deepEqual(readdirSync(join(dir, 'dotfiles')), ['docker.json'], 'no temporary file stays');
  assert.equal(await logout(fake.host, { env }), true);
  assert.equal(await logout(fake.host, { env }), false);
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')).auths, { 'x.test': { auth: 'eDp5' } });
  const fresh = home(t);
  await login(fake.host, { username: 'u', password: 'p' }, { env: fresh.env });
  assert.equal(statSync(join(fresh.dir, '.docker/config.json')).mode & 0o777, 0o600);
  await failsWith(
    'SKEP_UNAUTHORIZED',
    () => login(fake.host, { username: 'a:b', password: 'p' }, { env }),
    /colon/,
  );
});

test('an identity token is traded for an access token', async (t) => {
  const fake = await startFake();
  t.after(() => fake.close());
  const { env } = home(t, {
    '.docker/config.json': { auths: { [fake.host]: { identitytoken: 'refresh me' } } },
  });
  fake.hook = (req, res, seen) => {
    if (seen.path === '/token') {
      req.setEncoding('utf8').on('data', (body: string) => {
        const form = new URLSearchParams(body);
        const ok = form.get('grant_type') === 'refresh_token' && form.get('refresh_token') === 'refresh me';
        res
          .writeHead(ok && seen.method === 'POST' ? 200 : 401)
          .end(JSON.stringify({ access_token: 'access' }));
      });
      return true;
    }
    if (seen.authorization === 'Bearer access') return false;
    res.writeHead(401, { 'www-authenticate': `Bearer realm="http://${fake.host}/token",service="s"` }).end();
    return true;
  };
  const { openRegistry } = await import('../src/index.ts');
  const registry = await openRegistry(fake.host, { env });
  t.after(() => registry.close());
  await registry.ping();
  assert.equal(await registry.hasBlob('x', `sha256:${'0'.repeat(64)}`), false);
});

test('challenges are read, however they are put', () => {
  assert.deepEqual(
    parseChallenges('Basic realm="a, \\"b\\"", Bearer realm=https, service = "s",scope="r:x:pull,push"').map(
      (c) => [c.scheme, { ...c.params }],
    ),
    [
      ['basic', { realm: 'a, "b"' }],
      ['bearer', { realm: 'https', service: 's', scope: 'r:x:pull,push' }],
    ],
  );
  fc.assert(
    fc.property(fc.string(), (s) => Array.isArray(parseChallenges(s))),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('Bearer', ' ', '=', '"', ',', '\\', 'a')).map((p) => p.join('')),
      (s) => Array.isArray(parseChallenges(s)),
    ),
    { numRuns: 1000 },
  );
});

test('NO_PROXY as docker and skopeo read it', () => {
  const proxied = (url: string, no: string) =>
    proxyFor(new URL(url), { https_proxy: 'proxy.test:3128', HTTP_PROXY: 'http://p', NO_PROXY: no })?.host;
  assert.equal(proxied('https://a.test/', ''), 'proxy.test:3128');
  assert.equal(proxied('http://a.test/', ''), 'p');
  for (const [url, no] of [
    ['https://a.test/', '*'],
    ['https://a.test/', 'b, a.test'],
    ['https://x.a.test/', 'a.test'],
    ['https://x.a.test/', '.a.test'],
    ['https://x.a.test/', '*.a.test'],
    ['https://a.test:5000/', 'a.test:5000'],
    ['https://10.1.2.3/', '10.0.0.0/8'],
    ['https://10.1.2.3/', '10.1.2.3'],
    ['https://[fd00::1]/', 'fd00::/8'],
    ['https://[fd00::1]/', '[fd00::1]'],
    ['https://a.test/', 'A.TEST'],
    ['https://localhost/', ''],
    ['https://127.0.0.9:5000/', ''],
    ['https://[::1]/', ''],
  ] as const)
    assert.equal(proxied(url, no), undefined, `${url} ${no}`);
  for (const [url, no] of [
    ['https://a.test/', '.a.test'],
    ['https://ba.test/', 'a.test'],
    ['https://a.test:5000/', 'a.test:443'],
    ['https://10.1.2.3/', '11.0.0.0/8'],
    ['https://10.1.2.3/', '10.0.0.0/99'],
    ['https://110.1.2.3/', '10.1.2.3'],
  ] as const)
    assert.equal(proxied(url, no), 'proxy.test:3128', `${url} ${no}`);
});
