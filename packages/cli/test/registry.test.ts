import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fakeRegistry } from './fake-registry.ts';
import { main, Sandbox } from './harness.ts';
import { source } from './objects.ts';
import { realRegistry } from './real-registry.ts';
import { inTerminal } from './terminal.ts';

async function built(box: Sandbox, reference: string): Promise<void> {
  writeFileSync(box.path('calls.c'), source);
  await box.ok(['build', 'calls.c', reference]);
}

test('build, push, rm, pull, and the image is the same', async () => {
  using box = new Sandbox();
  await using registry = await realRegistry(box);
  const reference = `${registry.host}/me/calls:1`;
  await built(box, reference);
  const digest = (await box.ok(['list', '-q', '--no-trunc'])).trim();
  const pushed = await box.skep(['push', reference]);
  assert.deepEqual([pushed.code, pushed.stderr], [0, ''], 'silent in a pipe');
  assert.equal(pushed.stdout.startsWith(`${reference}: digest: ${digest} size: `), true, pushed.stdout);
  assert.match(await box.ok(['rm', reference]), new RegExp(`^Untagged: ${reference}\\nDeleted: sha256:`));
  assert.equal(await box.ok(['list', '-q']), '');
  assert.equal(
    await box.ok(['pull', reference]),
    `Digest: ${digest}\nStatus: Downloaded newer image for ${reference}\n`,
  );
  assert.match(await box.ok(['pull', reference]), /Status: Image is up to date for/);
  const exact = `${registry.host}/me/calls@${digest}`;
  await box.ok(['pull', exact]);
  assert.match(
    await box.ok(['list']),
    new RegExp(`^${exact.slice(0, -52)} `, 'm'),
    'a table has no place for it',
  );
  assert.match(await box.ok(['list', '--format', '{{.Reference}}']), new RegExp(`^${exact}$`, 'm'));
  await box.ok(['rm', exact]);
  assert.equal(await box.ok(['pull', '-q', reference]), `${reference}\n`);
  assert.equal(await box.ok(['push', '-q', reference]), `${reference}\n`);
  assert.match(await box.ok(['describe', reference]), /on_enter +raw_tp\/sys_enter/);
  await box.ok(['rm', '-q', reference]);
  const described = await box.skep(['describe', reference]);
  assert.equal(described.stderr, `pulling ${reference}\n`, 'describe fetches, as in bee');
  assert.match(described.stdout, /on_enter +raw_tp\/sys_enter/);
  await box.ok(['rm', '-q', reference]);
  const help = await box.skep(['run', reference, '--help']);
  assert.equal(help.code, 0, help.stderr);
  assert.equal(help.stderr, `pulling ${reference}\n`, 'run fetches what is not there, and says so');
  assert.match(help.stdout, /--target-pid/);
  const again = await box.skep(['run', reference, '--help']);
  assert.equal(again.stderr, '', 'and does not fetch what is');
  const always = await box.skep(['run', reference, '--pull', 'always', '--help']);
  assert.equal(always.stderr, `pulling ${reference}\n`);
});

test('a program that is damaged on the disk never runs, and a pull mends it', async () => {
  using box = new Sandbox();
  await using registry = await realRegistry(box);
  const reference = `${registry.host}/me/calls:1`;
  await built(box, reference);
  await box.ok(['push', reference]);
  const { layers } = JSON.parse(await box.ok(['inspect', '--format', '{{json .Manifest}}', reference]));
  const program = box.path('store', 'blobs', layers[0].digest.replace(':', '/'));
  const tampered = readFileSync(program);
  tampered[tampered.length >> 1]! ^= 1;
  writeFileSync(program, tampered);
  await box.fails(7, /is damaged: its content has another digest/, ['run', reference]);
  const found = await box.fails(7, /Pull or build the images that are named again/, ['verify', '--store']);
  assert.match(found.stdout, new RegExp(`${layers[0].digest}.* Needed by ${reference}\\.`));
  assert.match(await box.ok(['pull', reference]), /^Status: Downloaded what was missing or damaged for /m);
  assert.match(await box.ok(['verify', '--store']), /all is well/);
  assert.match(await box.ok(['pull', reference]), /^Status: Image is up to date for /m);
  // And so does the build of the same.
  writeFileSync(program, tampered);
  await box.ok(['build', 'calls.c', reference]);
  assert.match(await box.ok(['verify', '--store']), /all is well/);
});

test('tags of a repository, a line each', async () => {
  using box = new Sandbox();
  await using registry = await realRegistry(box);
  const repository = `${registry.host}/me/calls`;
  await built(box, `${repository}:1`);
  const digestTag = `sha256-${'a'.repeat(64)}.sig`;
  for (const tag of ['1', '2', digestTag]) {
    if (tag !== '1') await box.ok(['tag', `${repository}:1`, `${repository}:${tag}`]);
    await box.ok(['push', `${repository}:${tag}`]);
  }
  const lines = async (...args: string[]) => (await box.ok(['tags', ...args])).trim().split('\n').sort();
  assert.deepEqual(await lines(repository), ['1', '2', digestTag]);
  assert.deepEqual(await lines(repository, '--omit-digest-tags'), ['1', '2']);
  const names = await lines(repository, '--format', '{{.Reference}}', '--omit-digest-tags');
  assert.deepEqual(names, [`${repository}:1`, `${repository}:2`]);
  assert.match(await box.ok(['tags', repository, '--format', 'json']), /^\{"Reference":"127.*"Tag":"1"\}$/m);
  await box.fails(3, /tags of me\/none/, ['tags', `${registry.host}/me/none`]);
  await box.fails(2, /one image, not a repository/, ['tags', `${repository}:1`]);
  await box.fails(2, /is a registry, not a repository\n {2}Write 127.*\/NAME/, ['tags', registry.host]);
  await box.fails(2, /no registry to look into/, ['tags', 'calls']);
});

test('copy moves an image without the local store, and says what it moved', async () => {
  using box = new Sandbox();
  await using registry = await realRegistry(box);
  const source = `${registry.host}/me/calls:1`;
  await built(box, source);
  const digest = (await box.ok(['list', '-q', '--no-trunc'])).trim();
  await box.ok(['push', source]);
  await box.ok(['rm', source]);
  assert.match(
    await box.ok(['copy', source, `${registry.host}/prod/calls`]),
    new RegExp(`^${registry.host}/prod/calls:1: digest: ${digest}\\n2 manifests, blobs: \\d mounted\\n$`),
  );
  assert.equal(
    await box.ok(['copy', '-q', source, `${registry.host}/prod/calls:2`]),
    `${registry.host}/prod/calls:2\n`,
  );
  assert.equal(await box.ok(['tags', `${registry.host}/prod/calls`]), '1\n2\n');
  assert.equal(await box.ok(['list', '-q']), '', 'nothing came into the local store');
  await box.fails(3, /nothing to pull me\/calls:9/, [
    'copy',
    `${registry.host}/me/calls:9`,
    `${registry.host}/x`,
  ]);
  await box.fails(2, /no registry to copy to/, ['copy', source, 'calls:1']);
  await box.fails(2, /two registries/, ['copy', '-u', 'me', '-p', 'x', source, 'other.example/calls']);
});

test('push, copy and pull --all-tags: every tag of one repository', async () => {
  using box = new Sandbox();
  await using registry = await realRegistry(box);
  const repository = `${registry.host}/me/calls`;
  await built(box, `${repository}:1`);
  const digest = (await box.ok(['list', '-q', '--no-trunc'])).trim();
  for (const name of [`${repository}:2`, `${repository}:latest`, `${repository}-other:3`, 'local:1']) {
    await box.ok(['tag', `${repository}:1`, name]);
  }
  const one = await box.ok(['push', `${repository}:1`]);
  const [, size] = /size: (\d+)\n$/.exec(one) ?? [];
  const pushed = (await box.ok(['push', '-a', repository])).trim().split('\n');
  assert.equal(pushed.length, 3);
  for (const line of pushed)
    assert.match(line, new RegExp(`^${repository}:\\w+: digest: ${digest} size: ${size}$`));
  assert.equal(await box.ok(['tags', repository]), '1\n2\nlatest\n');
  await box.fails(3, /tags of me\/calls-other/, ['tags', `${repository}-other`]);
  assert.equal((await box.ok(['push', '-aq', repository])).split('\n')[0], `${repository}:1`);
  const mirror = `${registry.host}/mirror/calls`;
  const line = (tag: string) => `${mirror}:${tag}: digest: ${digest}\n`;
  assert.equal(await box.ok(['copy', '-a', repository, mirror]), ['1', '2', 'latest'].map(line).join(''));
  assert.equal(await box.ok(['pull', '-a', mirror]), ['1', '2', 'latest'].map(line).join(''));
  assert.equal(await box.ok(['pull', '-aq', mirror]), `${mirror}:1\n${mirror}:2\n${mirror}:latest\n`);
  await box.fails(2, /one image, not a repository/, ['pull', '-a', `${mirror}:1`]);
  await box.fails(2, /one image, not a repository/, ['push', '-a', `${repository}:1`]);
  await box.fails(2, /no registry to push to/, ['push', '-a', 'local']);
  await box.fails(3, /no image .*nothing in the store/, ['push', '-a', `${registry.host}/nothing`]);
});

test('rm --remote deletes in the registry and leaves the local store', async () => {
  using box = new Sandbox();
  await using registry = await realRegistry(box);
  const repository = `${registry.host}/me/calls`;
  await built(box, `${repository}:1`);
  const digest = (await box.ok(['list', '-q', '--no-trunc'])).trim();
  await box.ok(['tag', `${repository}:1`, `${repository}:2`]);
  await box.ok(['push', '-a', repository]);
  const gone = await box.skep(['rm', '--remote', `${repository}:1`]);
  // Debian 12's registry deletes no tag alone.
  assert.equal(gone.code, 6);
  assert.match(gone.stderr, /cannot take away the tag 1 alone, and 2 is the same image/);
  assert.equal(await box.ok(['tags', repository]), '1\n2\n');
  assert.equal(
    await box.ok(['rm', '--remote', `${repository}@${digest}`]),
    `Deleted: ${repository}@${digest}\n`,
  );
  await box.fails(3, /has nothing to delete me\/calls:2/, ['rm', '--remote', `${repository}:2`]);
  assert.equal((await box.skep(['rm', '--remote', '-f', `${repository}:2`])).code, 0);
  await box.fails(2, /names no tag/, ['rm', '--remote', repository]);
  await box.fails(2, /no registry/, ['rm', '--remote', 'calls:1']);
  assert.match(await box.ok(['list']), /calls:1 /, 'still here');
});

test('what a registry does wrong is said and exits 6 or 3, and the store stays as it was', async () => {
  using box = new Sandbox();
  const cases: [name: string, status: number, code: number, message: RegExp, body: string][] = [
    ['401', 401, 6, /skep login/, '{"errors":[{"code":"UNAUTHORIZED"}]}'],
    ['403', 403, 6, /./, '{"errors":[{"code":"DENIED","message":"not yours"}]}'],
    ['404', 404, 3, /./, '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'],
    ['400', 400, 6, /./, 'what?'],
    ['garbage', 200, 7, /./, '<html>this is no registry</html>'],
    ['array', 200, 7, /./, '[]'],
  ];
  for (const [name, status, code, message, body] of cases) {
    await using registry = await fakeRegistry((request, response) => {
      const type = 'application/vnd.oci.image.manifest.v1+json';
      const headers = { 'Content-Type': type, 'WWW-Authenticate': 'Basic realm="x"' };
      response.writeHead(request.url === '/v2/' && status !== 401 ? 200 : status, headers).end(body);
    });
    const { stderr } = await box.fails(code, message, ['pull', `${registry.host}/x:1`]);
    assert.ok(stderr.includes(registry.host), `${name} names the registry: ${stderr}`);
    assert.equal(await box.ok(['list', '-q']), '', name);
  }
});

test('a registry that stalls is given up', async () => {
  using box = new Sandbox();
  await using registry = await fakeRegistry(() => undefined);
  const env = { SKEP_REGISTRY_TIMEOUT: '200ms' };
  await box.fails(6, new RegExp(registry.host), ['pull', `${registry.host}/x:1`], { env });
  await box.fails(2, /not a duration/, ['pull', `${registry.host}/x:1`], {
    env: { SKEP_REGISTRY_TIMEOUT: 'soon' },
  });
});

test('a registry that is not there, and a pull that is given up', async () => {
  using box = new Sandbox();
  await box.fails(6, /127\.0\.0\.1:1/, ['pull', '127.0.0.1:1/x:1']);
  await box.fails(2, /is not an image name/, ['pull', 'x.example/UPPER']);
  await box.fails(2, /no file no\.json with logins/, ['pull', '-c', 'no.json', '127.0.0.1:1/x:1']);
  const { promise: asked, resolve: someoneAsked } = Promise.withResolvers<void>();
  await using registry = await fakeRegistry(() => someoneAsked());
  const child = spawn(process.execPath, [main, 'pull', `${registry.host}/x:1`], {
    env: box.env,
    stdio: 'pipe',
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  await asked;
  child.kill('SIGINT');
  const [code] = await once(child, 'close');
  assert.equal(code, 130, stderr);
  assert.match(stderr, /^skep: .+\n {2}\S/);
});

test('a progress bar on a terminal, which is gone afterwards', async () => {
  using box = new Sandbox();
  await using registry = await realRegistry(box);
  const reference = `${registry.host}/calls:1`;
  await built(box, reference);
  const command = `${process.execPath} ${main} push ${reference}`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: box.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let screen = '';
  child.stdout.on('data', (chunk: Buffer) => {
    screen += chunk.toString();
  });
  await once(child, 'close');
  assert.match(screen, /pushing .*calls:1 .* %/);
  assert.match(screen, /\r\x1b\[K[^\r]*calls:1: digest: sha256:/, 'cleared before the result');
});

test('login keeps what docker would, logout takes it away', async () => {
  using box = new Sandbox();
  await using registry = await fakeRegistry((request, response) => {
    const right = request.headers.authorization === `Basic ${btoa('me:secret')}`;
    response.writeHead(right ? 200 : 401, { 'WWW-Authenticate': 'Basic realm="x"' }).end('{}');
  });
  const config = box.path('auth.json');
  const login = ['login', '-c', config, registry.host];
  await box.fails(2, /not a terminal/, login);
  await box.fails(2, /needs the user/, [...login, '--password-stdin'], { input: 'secret\n' });
  await box.fails(6, /./, [...login, '-u', 'me', '--password-stdin'], { input: 'wrong\n' });
  const done = await box.skep([...login, '-u', 'me', '--password-stdin'], { input: 'secret\n' });
  assert.deepEqual([done.code, done.stdout, done.stderr], [0, 'Login Succeeded\n', '']);
  const auths = () => JSON.parse(readFileSync(config, 'utf8')).auths;
  assert.equal(auths()[registry.host].auth, btoa('me:secret'));
  const loud = await box.skep([...login, '-u', 'me', '-p', 'secret']);
  assert.match(loud.stderr, /--password-stdin is safer/);
  await box.ok(['logout', '-c', config, registry.host]);
  assert.equal(auths()?.[registry.host], undefined);
  assert.equal(await box.ok(['logout', '-c', config, registry.host]), `Not logged in to ${registry.host}\n`);
  // An address is as good as a host, as with docker; what is neither is said.
  const as = (server: string) => ['login', '-c', config, server, '-u', 'me', '-p', 'secret'];
  for (const server of [`http://${registry.host}`, `https://${registry.host}/v2/`, `${registry.host}/me`]) {
    const { code, stderr } = await box.skep(as(server));
    assert.equal(code, 0, stderr);
    // podman would keep a login for /me alone.
    const told = stderr.includes(`It is kept for all of ${registry.host}, `);
    assert.equal(told, server.endsWith('/me'), stderr);
    assert.deepEqual(Object.keys(auths()), [registry.host]);
    await box.ok(['logout', '-c', config, server]);
    assert.deepEqual(auths(), {});
  }
  for (const server of ['', ' ', 'a b', 'http://', '127.0.0.1:99999', 'me:secret@127.0.0.1'])
    await box.fails(2, /is not a registry: .*\n {2}Write HOST or HOST:PORT/, as(server));
  await box.fails(2, /--username needs --password too/, ['pull', '-u', 'me', `${registry.host}/x:1`]);
  await box.fails(2, /--password needs --username too/, ['pull', '-p', 'secret', `${registry.host}/x:1`]);
});

test('login at a terminal asks, and does not show the password', async () => {
  using box = new Sandbox();
  await using registry = await fakeRegistry((request, response) => {
    const right = request.headers.authorization === `Basic ${btoa('me:secret')}`;
    response.writeHead(right ? 200 : 401, { 'WWW-Authenticate': 'Basic realm="x"' }).end('{}');
  });
  using terminal = inTerminal(box, ['login', '-c', box.path('auth.json'), registry.host]);
  await terminal.until('Username');
  terminal.press('me', 'Enter');
  await terminal.until('Password');
  terminal.press('secret', 'Enter');
  const screen = await terminal.until('code ');
  assert.match(screen, /Login Succeeded\ncode 0/);
  assert.doesNotMatch(screen, /secret/);
});
