import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { kubernetesFaults } from './kubernetes.ts';

const root = join(import.meta.dirname, '../..');

/** Why the chart's tests cannot run here, or false. */
export const noHelm = process.arch === 'x64' ? false : 'the helm of the tests is for x86-64';
export const chart = join(root, 'deploy/helm/skep');
/** The least that the chart takes. */
export const minimal = { image: { repository: 'registry.example/skep' }, probes: ['oomkill:1'] };

// biome-ignore lint/suspicious/noExplicitAny: objects of a dozen kinds, read by path
export type Thing = any;

/** Runs helm with these values. */
export function helm(args: readonly string[], values: unknown) {
  const path = execFileSync('sh', [join(root, 'scripts/helm.sh')], { encoding: 'utf8' }).trim();
  const dir = mkdtempSync(join(tmpdir(), 'skep-helm-'));
  try {
    const file = join(dir, 'values.json');
    writeFileSync(file, JSON.stringify(values));
    const env = { ...process.env, HOME: dir };
    return spawnSync(path, [...args, '--values', file], { encoding: 'utf8', env });
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** The objects of the release `node` by kind and name, all of which Kubernetes takes. */
export function rendered(values: unknown): Record<string, Thing> {
  const { status, stdout, stderr } = helm(['template', 'node', chart, '--namespace', 'skep'], values);
  assert.equal(status, 0, stderr);
  const things = parseAllDocuments(stdout).map((d) => d.toJS() as Thing);
  const none = things.map(() => null);
  assert.deepEqual(kubernetesFaults(things), none);
  return Object.fromEntries(things.map((t) => [`${t.kind} ${t.metadata.name}`, t]));
}
