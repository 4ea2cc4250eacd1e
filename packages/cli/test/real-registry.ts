import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Sandbox } from './harness.ts';

/** Debian's docker-registry on a free port of the loopback. */
export async function realRegistry(box: Sandbox): Promise<AsyncDisposable & { host: string }> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const host = `127.0.0.1:${(probe.address() as { port: number }).port}`;
  probe.close();
  await once(probe, 'close');
  const config = box.path('registry.yml');
  writeFileSync(
    config,
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${box.path('registry')}}, delete: {enabled: true}}\nhttp: {addr: ${host}}\n`,
  );
  const server = spawn('docker-registry', ['serve', config], {
    stdio: 'ignore',
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
  });
  const up = async () => (await fetch(`http://${host}/v2/`).catch(() => undefined))?.ok;
  // A busy machine takes seconds to start a program.
  for (const end = Date.now() + 60_000; !(await up()); ) {
    assert.ok(Date.now() < end && server.exitCode === null, 'docker-registry came up');
    await delay(25);
  }
  return {
    host,
    async [Symbol.asyncDispose]() {
      server.kill();
      await once(server, 'exit');
    },
  };
}
