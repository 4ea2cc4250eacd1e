// What each start reads is what it needs: OTLP, and OpenTelemetry with it, is a file that only who sends loads.
import { deepEqual, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { bundle } from '../../scripts/bundle.ts';

test('OTLP is in no file of the bundle but its own, and that has no more than it needs', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-bundle-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const { outputs } = await bundle(join(dir, 'dist'));
  const having = (inputs: RegExp) =>
    Object.entries(outputs)
      .filter(([, o]) =>
        Object.entries(o.inputs).some(([path, used]) => used.bytesInOutput > 0 && inputs.test(path)),
      )
      .map(([path]) => basename(path));
  deepEqual(having(/node_modules\/@opentelemetry\//), ['otlp.js']);
  deepEqual(having(/packages\/runtime\/src\/otlp\//), ['otlp.js']);
  // Signatures: in the commands' chunks that sign and verify, and for run and push apart.
  const signatures = having(/packages\/oci\/src\/signatures\//);
  for (const start of ['main.js', 'run-cli.js', 'transfer-cli.js']) ok(!signatures.includes(start), start);
  ok(signatures.includes('trust.js'));
  const [, otlp] = Object.entries(outputs).find(([path]) => basename(path) === 'otlp.js')!;
  ok(otlp.bytes < 120_000, `otlp.js has ${otlp.bytes} bytes`);
});
