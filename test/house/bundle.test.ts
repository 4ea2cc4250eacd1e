// What each start reads is what it needs: OTLP, and OpenTelemetry with it, is a file that only who sends loads; of Node's
// own modules what is named.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { bundle, lightImports } from '../../scripts/bundle.ts';

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
  // An import of node:fs reads all its exports and loads streams: 5 ms of each start.
  const slow = /(?<=^|[;}\n])import[^;(]{1,2000}from"node:(?!module")/;
  for (const name of readdirSync(join(dir, 'dist')))
    equal(slow.exec(readFileSync(join(dir, 'dist', name), 'utf8'))?.[0], undefined, name);
});

test("imports of Node's own modules are made to load only what they name", () => {
  const of = (name: string) => `globalThis.process.getBuiltinModule("node:${name}");`;
  equal(
    lightImports(
      'import{a,b as c}from"node:fs/promises";import fs from"node:fs";import*as os from"node:os";f();',
    ),
    `const {a,b:c}=${of('fs/promises')}const fs=${of('fs')}const os=${of('os')}f();`,
  );
  // Ours and text that looks like one stay.
  const others = 'import{a}from"./chunk-A.js";const t=`import x from "node:fs";`;';
  equal(lightImports(others), others);
});
