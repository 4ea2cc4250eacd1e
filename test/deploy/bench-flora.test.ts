// The manifests of the benchmark, held against Kubernetes' own schemas, and the load against the k6 operator's fields.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { kubernetesFaults } from '../support/kubernetes.ts';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'deploy/bench-flora');

type Thing = Record<string, unknown> & { readonly apiVersion: string; readonly kind: string };

const files = readdirSync(folder).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
const things = files.flatMap((file) =>
  parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => {
    assert.deepEqual(document.errors, [], file);
    return { file, thing: document.toJS() as Thing };
  }),
);

test('every object is what Kubernetes takes', () => {
  const own = things.filter(({ thing }) => thing.apiVersion !== 'k6.io/v1alpha1');
  assert.ok(own.length >= 10);
  const found = kubernetesFaults(own.map(({ thing }) => thing));
  const wrong = own.flatMap(({ file, thing }, i) =>
    found[i] ? [`${file}, ${thing.kind}: ${found[i]}`] : [],
  );
  assert.deepEqual(wrong, []);
});

test('a field that Kubernetes does not know is found', () => {
  const { thing } = things.find((t) => t.thing.kind === 'DaemonSet')!;
  const broken = structuredClone(thing) as Thing & { spec: { template: { spec: Record<string, unknown> } } };
  broken.spec.template.spec.hostPid = true;
  assert.match(kubernetesFaults([broken])[0] ?? '', /hostPid/);
});

/** TestRunSpec of the operator's api/v1alpha1/testrun_types.go, by the type that JSON has. */
const SPEC: Record<string, string> = {
  ...{ script: 'object', parallelism: 'number', separate: 'boolean', arguments: 'string', ports: 'object' },
  ...{ initializer: 'object', starter: 'object', runner: 'object', quiet: 'string', paused: 'string' },
  ...{ scuttle: 'object', cleanup: 'string', cloud: 'object' },
};

test('the load is what the k6 operator takes', () => {
  const [run, ...others] = things.filter(({ thing }) => thing.kind === 'TestRun');
  assert.ok(run && others.length === 0);
  const spec = run.thing.spec as Record<string, unknown> & {
    script: { configMap: Record<string, string> };
    runner: Record<string, unknown>;
  };
  for (const [name, value] of Object.entries(spec)) assert.equal(typeof value, SPEC[name], `spec.${name}`);
  assert.equal(typeof spec.parallelism, 'number');
  assert.deepEqual(Object.keys(spec.script.configMap).sort(), ['file', 'name']);
  assert.equal(spec.cleanup, 'post');
  // What its runner has of a pod is a pod's: env, resources, tolerations, nodeSelector.
  const { env, resources, ...rest } = spec.runner;
  const container = { name: 'k6', image: 'k6', env, resources };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'k6' },
    spec: { containers: [container], ...rest },
  };
  assert.deepEqual(kubernetesFaults([pod]), [null]);
});

test('the load sets what its script reads', () => {
  const script = readFileSync(join(root, 'bench/flora/load/k6.js'), 'utf8');
  const read = new Set<string>();
  for (const [, names] of script.matchAll(/\{ ([A-Z, ]+) \} = __ENV/g))
    for (const n of names!.split(', ')) read.add(n);
  for (const [, name] of script.matchAll(/__ENV\.([A-Z]+)/g)) read.add(name!);
  const { thing } = things.find((t) => t.thing.kind === 'TestRun')!;
  const { env } = (thing.spec as { runner: { env: { name: string }[] } }).runner;
  const set = env.map((e) => e.name);
  assert.deepEqual(
    [...read].filter((name) => name !== 'CLOSED' && !set.includes(name)),
    [],
  );
});

test('what runs beside the server stays off its nodes', () => {
  const pools = things.flatMap(({ thing }) => {
    const spec = thing.spec as { template?: { spec: Placed }; runner?: Placed } | undefined;
    const placed = spec?.template?.spec ?? spec?.runner;
    return placed ? [{ name: (thing.metadata as { name: string }).name, placed }] : [];
  });
  const at: Record<string, string | undefined> = Object.fromEntries(
    pools.map(({ name, placed }) => [name, placed.nodeSelector?.['skep-bench/pool']]),
  );
  const expected: unknown = {
    server: 'server',
    sink: 'load',
    skep: 'server',
    flora: 'load',
    victoria: 'load',
  };
  assert.deepEqual(at, expected);
  for (const { name, placed } of pools) {
    const tolerated = placed.tolerations?.map((t) => `${t.key}=${t.value}:${t.effect}`);
    assert.deepEqual(tolerated, [`skep-bench/pool=${at[name]}:NoSchedule`], name);
  }
});

interface Placed {
  readonly nodeSelector?: Record<string, string>;
  readonly tolerations?: readonly { key: string; value: string; effect: string }[];
}
