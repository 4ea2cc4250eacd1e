import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { main, Sandbox } from './harness.ts';
import { source } from './objects.ts';
import { realRegistry } from './real-registry.ts';

const env = { COSIGN_PASSWORD: 'secret' };

async function built(box: Sandbox, reference: string): Promise<void> {
  writeFileSync(box.path('calls.c'), source);
  await box.ok(['build', 'calls.c', reference]);
}

test('sign, verify, push, and verify what is in the registry', async () => {
  using box = new Sandbox();
  await using registry = await realRegistry(box);
  const name = `${registry.host}/me/calls:1`;
  await built(box, name);
  const digest = (await box.ok(['list', '-q', '--no-trunc'])).trim();
  assert.equal(await box.ok(['sign', '--generate-key-pair'], { env }), 'cosign.key\ncosign.pub\n');
  assert.equal(statSync(box.path('cosign.key')).mode & 0o777, 0o600);
  await box.ok(['sign', '--generate-key-pair', '--output-key-prefix', 'other', '-q'], { env });
  await box.fails(9, /has no signature in the store/, ['verify', '--key', 'cosign.pub', name]);
  assert.equal(
    await box.ok(['sign', '--key', 'cosign.key', name], { env }),
    `${name}: digest: ${digest} signed in the store\n`,
  );
  const verified = `${name}: digest: ${digest}\nsigned by cosign.pub (bundle)\n`;
  assert.equal(await box.ok(['verify', '--key', 'cosign.pub', name]), verified);
  await box.fails(9, /another key signed it/, ['verify', '--key', 'other.pub', name]);
  assert.equal(await box.ok(['list', '-q', '--no-trunc']), `${digest}\n`, 'a signature is no image');

  await box.ok(['push', name]);
  const publicKey = readFileSync(box.path('cosign.pub'), 'utf8');
  const inRegistry = ['verify', '--key', 'env://KEY', '--registry', '-o', 'json', name];
  assert.deepEqual(JSON.parse(await box.ok(inRegistry, { env: { KEY: publicKey } })), {
    reference: name,
    digest,
    where: 'registry',
    signatures: [{ key: 'env://KEY', format: 'bundle' }],
    refused: [],
  });
  await box.ok(['sign', '--key', 'other.key', '--format', 'tag', '--registry', name, '-q'], { env });
  await box.ok(['rm', name]);
  const gone = await box.ok(['verify', '--key', 'other.pub', name]);
  assert.match(gone, /signed by other\.pub \(tag\)\n$/, 'what the store lacks is looked for in the registry');
  const refused = await box.skep(['verify', '--key', 'calls.c', name]);
  assert.match(refused.stderr, /calls\.c holds no public key/);
});

test('a wrong key, password, name or flag is a sentence', async () => {
  using box = new Sandbox();
  await built(box, 'calls:1');
  await box.ok(['sign', '--generate-key-pair'], { env });
  // Half a pair is none: of a disk that is full (a limit on the size of files stands in for it), and where the second cannot be.
  const words = ['sign', '--generate-key-pair', '--output-key-prefix'];
  const limited = ['-c', 'ulimit -f 1; exec "$0" "$@"', process.execPath, main, ...words, 'half'];
  const { status, stderr } = spawnSync('sh', limited, {
    cwd: box.dir,
    env: { ...box.env, ...env, XDG_CACHE_HOME: '/dev/null' },
    encoding: 'utf8',
  });
  assert.deepEqual(
    [status, stderr.split('\n')[0]],
    [1, 'skep: half.key: the file would be larger than it may be'],
  );
  symlinkSync('nowhere/x', box.path('half.pub'));
  await box.fails(1, /half\.pub: exists already/, [...words, 'half'], { env });
  assert.ok(!existsSync(box.path('half.key')));
  await box.fails(2, /cosign\.key is there already/, ['sign', '--generate-key-pair'], { env });
  await box.fails(2, /signs nothing/, ['sign', '--generate-key-pair', 'calls:1'], { env });
  await box.fails(2, /what shall be signed is missing/, ['sign', '--key', 'cosign.key']);
  await box.fails(2, /--key is missing/, ['sign', 'calls:1']);
  await box.fails(2, /--key is missing/, ['verify', 'calls:1']);
  await box.fails(2, /password is missing/, ['sign', '--key', 'cosign.key', 'calls:1']);
  await box.fails(7, /password does not open cosign\.key/, ['sign', '--key', 'cosign.key', 'calls:1'], {
    env: { COSIGN_PASSWORD: 'wrong' },
  });
  await box.fails(7, /cosign\.pub holds no private key/, ['sign', '--key', 'cosign.pub', 'calls:1'], { env });
  await box.fails(7, /cosign\.key is a private key/, ['verify', '--key', 'cosign.key', 'calls:1']);
  await box.fails(3, /no\.key/, ['sign', '--key', 'no.key', 'calls:1'], { env });
  await box.fails(2, /the variable NO_KEY is not set/, ['verify', '--key', 'env://NO_KEY', 'calls:1']);
  await box.fails(3, /no image "other:1"/, ['verify', '--key', 'cosign.pub', 'other:1']);
  await box.fails(2, /is a local name/, ['verify', '--registry', '--key', 'cosign.pub', 'calls:1']);
});
