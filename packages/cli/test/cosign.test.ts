// Interchange with the real cosign, both ways and in both forms. Needs it in the cache: sh scripts/cosign.sh.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Sandbox } from './harness.ts';
import { source } from './objects.ts';
import { realRegistry } from './real-registry.ts';

const cosign = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'skep/cosign-2.6.5/cosign');
const skip = existsSync(cosign) ? false : 'needs cosign: sh scripts/cosign.sh builds it where Go is';

test('cosign verifies what skep signed, and skep what cosign signed', { skip }, async () => {
  using box = new Sandbox();
  await using registry = await realRegistry(box);
  const env = { COSIGN_PASSWORD: 'secret' };
  // No transparency log and no certificates take part, so the root of trust is an empty one.
  writeFileSync(
    box.path('root.json'),
    JSON.stringify({ mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' }),
  );
  const its = (...args: string[]) =>
    execFileSync(cosign, args, {
      cwd: box.dir,
      env: { ...box.env, ...env },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const verify = (form: boolean, key: string, ref: string) =>
    its(
      ...['verify', '--key', key, '--insecure-ignore-tlog', '--trusted-root', 'root.json'],
      ...[`--new-bundle-format=${form}`, '--allow-http-registry', ref],
    );
  its('generate-key-pair');
  await box.ok(['sign', '--generate-key-pair', '--output-key-prefix', 'skep'], { env });
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
  writeFileSync(box.path('p384.pem'), p384.export({ format: 'pem', type: 'pkcs8' }));
  its('import-key-pair', '--key', 'p384.pem', '--output-key-prefix', 'p384');
  writeFileSync(box.path('calls.c'), source);
  for (const [format, form] of [
    ['bundle', true],
    ['tag', false],
  ] as const) {
    // An image each, so that there is only what is asked for.
    for (const [mine, key] of ['cosign', 'skep', 'p384'].entries()) {
      const name = `${registry.host}/me/calls:${format}-${mine}`;
      await box.ok(['build', 'calls.c', name, '--description', `${format} by ${key}`]);
      await box.ok(['sign', '--key', `${key}.key`, '--format', format, name], { env });
      await box.ok(['push', name]);
      const digest = (await box.ok(['inspect', '--format', '{{.Digest}}', name])).trim();
      assert.equal(
        JSON.parse(verify(form, `${key}.pub`, name))[0].critical.image['docker-manifest-digest'],
        digest,
      );
      assert.throws(() => verify(form, key === 'skep' ? 'cosign.pub' : 'skep.pub', name));

      const theirs = `${registry.host}/me/theirs:${format}-${mine}`;
      await box.ok(['build', 'calls.c', theirs, '--description', `${format} by cosign with ${key}`]);
      await box.ok(['push', theirs]);
      its(
        ...['sign', '--key', `${key}.key`, '--tlog-upload=false', '--use-signing-config=false', '-y'],
        ...[`--new-bundle-format=${form}`, '--allow-http-registry', theirs],
      );
      const found = await box.ok(['verify', '--registry', '--key', `${key}.pub`, theirs]);
      assert.match(found, new RegExp(`signed by ${key}\\.pub \\(${format}\\)`));
    }
  }
});
