// The chart: linted, rendered, held against the schemas of Kubernetes and of Prometheus' operator, and what it hands to skep read
// by skep's own readers.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parsePolicy } from '@skep/probe/policy';
import { parse } from 'yaml';
import { rulesFile } from '../../packages/cli/src/generate/rules.ts';
import { parseRunList } from '../../packages/cli/src/instances/run-list.ts';
import { Sandbox } from '../../packages/cli/test/harness.ts';
import { chart, helm, minimal, noHelm, rendered, type Thing } from '../support/helm.ts';

const skip = noHelm;

function oomkill(file: string): string {
  return readFileSync(new URL(`../../probes/oomkill/${file}`, import.meta.url), 'utf8');
}

/** Values that set everything that changes what is rendered. */
const full = {
  image: { repository: 'registry.example/skep', digest: `sha256:${'1'.repeat(64)}` },
  imagePullSecrets: [{ name: 'pull' }],
  probes: [
    'registry.example/oomkill:1',
    { image: 'tcpconnlat:1', name: 'slow', set: { min_latency: '5ms', target_port: [80, 443] } },
    { image: 'packets:1', attach: ['count=eth0'], hook: { connect: 'fentry' } },
  ],
  pull: 'never',
  extraArgs: ['--max-series', '20000'],
  policy: { enabled: true, existingConfigMap: 'cluster-policy' },
  registry: { credentialsSecret: 'login', caConfigMap: 'ca', plainHttp: true },
  store: { hostPath: '/var/lib/skep' },
  metrics: { port: 9435 },
  serviceMonitor: { enabled: true, interval: '15s', scrapeTimeout: '10s', labels: { release: 'prometheus' } },
  prometheusRule: {
    enabled: true,
    labels: { release: 'prometheus' },
    text: rulesFile('probes', [{ name: 'rules.yaml', text: oomkill('rules.yaml') }]),
  },
  dashboards: { files: { oomkill: oomkill('dashboard.json') } },
  capabilities: ['BPF', 'PERFMON', 'NET_ADMIN'],
  extraEnv: [{ name: 'SKEP_DEBUG', value: '1' }],
  nodeSelector: { pool: 'x' },
  priorityClassName: 'system-node-critical',
  podAnnotations: { a: 'b' },
  podLabels: { team: 'x' },
  fullnameOverride: 'probes',
};

/** The values of the README's example. */
function readmeValues(): Thing {
  const text = readFileSync(join(chart, '../README.md'), 'utf8');
  return parse(/`values\.yaml`:\n\n```yaml\n([\s\S]*?)```/.exec(text)![1]!);
}

test('helm finds nothing to complain of, with the least, with everything and with the example', {
  skip,
}, () => {
  for (const values of [minimal, full, readmeValues()]) {
    const { status, stdout } = helm(['lint', '--strict', '--quiet', chart], values);
    assert.equal(status, 0, stdout);
  }
});

test('the example is what Kubernetes and skep take: a list, a policy with its key, a monitor', {
  skip,
}, () => {
  const things = rendered(readmeValues());
  assert.deepEqual(Object.keys(things).sort(), [
    'ConfigMap node-skep-policy',
    'ConfigMap node-skep-probes',
    'DaemonSet node-skep',
    'Service node-skep',
    'ServiceAccount node-skep',
    'ServiceMonitor node-skep',
  ]);
  const list = parseRunList(things['ConfigMap node-skep-probes'].data['probes.yaml'], 'probes.yaml');
  assert.deepEqual(list.programs, [
    { program: 'registry.example/oomkill:1' },
    { program: 'registry.example/tcpconnlat:1', set: { min_latency: '5ms' } },
  ]);
  const { data } = things['ConfigMap node-skep-policy'];
  const policy = parsePolicy(data['policy.yaml'], 'policy.yaml');
  assert.equal(policy.rules[0]?.observeOnly, true);
  assert.match(data[policy.signers.get('team') as string], /^-----BEGIN PUBLIC KEY-----\n/);
  const pod = things['DaemonSet node-skep'].spec.template;
  const [container] = pod.spec.containers;
  assert.deepEqual(container.securityContext.capabilities, {
    drop: ['ALL'],
    add: ['DAC_READ_SEARCH', 'PERFMON', 'BPF'],
  });
  const env = Object.fromEntries(container.env.map((e: Thing) => [e.name, e.value]));
  const mounts = container.volumeMounts.map((m: Thing) => m.mountPath);
  assert.equal(env.SKEP_POLICY, '/etc/skep/policy/policy.yaml');
  assert.ok(mounts.includes('/etc/skep/policy') && mounts.includes(env.DOCKER_CONFIG));
  const { labels } = pod.metadata;
  const selector = things['Service node-skep'].spec.selector;
  for (const [key, value] of Object.entries(selector)) assert.equal(labels[key], value);
  assert.deepEqual(things['ServiceMonitor node-skep'].spec.selector.matchLabels, selector);
  for (const [key, value] of Object.entries(selector))
    assert.equal(things['Service node-skep'].metadata.labels[key], value, 'the monitor finds the Service');
});

test('what is sent by OTLP has the node, unless it is said otherwise', { skip }, () => {
  const named = (extraEnv: Thing[]) => {
    const [container] = rendered({ ...minimal, extraEnv })['DaemonSet node-skep'].spec.template.spec
      .containers;
    const { env } = container;
    const node = env.find((e: Thing) => e.name === 'NODE_NAME');
    assert.equal(node.valueFrom.fieldRef.fieldPath, 'spec.nodeName');
    const own = env.filter((e: Thing) => e.name === 'OTEL_RESOURCE_ATTRIBUTES');
    // $(NODE_NAME) is what was said before it.
    for (const each of own) assert.ok(env.indexOf(node) < env.indexOf(each));
    return own.map((e: Thing) => e.value);
  };
  assert.deepEqual(named([{ name: 'SKEP_DEBUG', value: '1' }]), ['k8s.node.name=$(NODE_NAME)']);
  const value = 'k8s.node.name=$(NODE_NAME),team=x';
  assert.deepEqual(named([{ name: 'OTEL_RESOURCE_ATTRIBUTES', value }]), [value]);
});

test('a tag that is a number, and numbers among the flags, stay as they were written', { skip }, () => {
  const podOf = (tag: unknown, extraArgs: unknown[] = []) => {
    const values = { ...minimal, image: { ...minimal.image, tag }, extraArgs };
    return rendered(values)['DaemonSet node-skep'].spec.template.spec.containers[0];
  };
  for (const [tag, wanted] of [
    [1, '1'],
    [20261126, '20261126'],
    ['1.10', '1.10'],
    ['', '0.1.0'],
    [null, '0.1.0'],
  ])
    assert.equal(podOf(tag).image, `registry.example/skep:${wanted}`);
  assert.deepEqual(podOf(1, ['--max-series', 2_000_000]).args.slice(-2), ['--max-series', '2000000']);
  // 1.10 would be 1.1.
  const { status, stderr } = helm(['template', chart], { ...minimal, image: { ...minimal.image, tag: 1.1 } });
  assert.notEqual(status, 0);
  assert.match(stderr, /image.tag.*want integer or string/);
});

test('with the least there is no monitor and no policy; another list is another pod', { skip }, () => {
  const things = rendered(minimal);
  assert.equal(Object.keys(things).length, 4);
  const { containers, volumes } = things['DaemonSet node-skep'].spec.template.spec;
  assert.equal(containers[0].image, 'registry.example/skep:0.1.0');
  assert.ok(volumes.every((v: Thing) => v.name !== 'policy'));
  const stamp = (t: Record<string, Thing>) =>
    t['DaemonSet node-skep'].spec.template.metadata.annotations['skep.dev/config'];
  assert.notEqual(stamp(things), stamp(rendered({ ...minimal, probes: ['oomkill:2'] })));
});

test('with everything it is what Kubernetes takes, and what it says to skep is what skep takes', {
  skip,
}, async () => {
  const things = rendered(full);
  const { containers, volumes, nodeSelector } = things['DaemonSet probes'].spec.template.spec;
  assert.equal(containers[0].image, `registry.example/skep@sha256:${'1'.repeat(64)}`);
  assert.deepEqual(nodeSelector, { 'kubernetes.io/os': 'linux', pool: 'x' });
  assert.equal(volumes.find((v: Thing) => v.name === 'policy').configMap.name, 'cluster-policy');
  const { groups } = things['PrometheusRule probes'].spec;
  assert.deepEqual(groups, parse(full.prometheusRule.text).groups, 'templates of Prometheus among them');
  const dashboard = things['ConfigMap probes-dashboard-oomkill'];
  assert.equal(dashboard.metadata.labels.grafana_dashboard, '1');
  assert.equal(dashboard.data['oomkill.json'], oomkill('dashboard.json'));
  assert.equal(things['Service probes'].metadata.name, 'probes', 'the job, as the rules call it');
  const list = things['ConfigMap probes-probes'].data['probes.yaml'];
  assert.deepEqual(parseRunList(list, 'l').programs[1]?.set, {
    min_latency: '5ms',
    target_port: ['80', '443'],
  });
  // The flags as they stand, on a list that names what is nowhere: that, and no flag, is what is refused.
  using box = new Sandbox();
  writeFileSync(box.path('probes.yaml'), list);
  writeFileSync(box.path('ca.crt'), '');
  const paths: Record<string, string> = {
    '/etc/skep/probes/probes.yaml': box.path('probes.yaml'),
    '/etc/skep/ca/ca.crt': box.path('ca.crt'),
  };
  const args = containers[0].args.map((a: string) => paths[a] ?? a);
  if (process.getuid?.() === 0) await box.fails(3, /no image "registry\.example\/oomkill:1"/, args);
});

test('values that are wrong are refused, and say where', { skip }, () => {
  const wrong: [Thing, RegExp][] = [
    [{ image: minimal.image }, /probes/],
    [{ probes: ['a'] }, /repository/],
    [{ ...minimal, probes: [{ name: 'x' }] }, /probes/],
    [{ ...minimal, policies: {} }, /policies/],
    [{ ...minimal, pull: 'sometimes' }, /pull/],
    [{ ...minimal, capabilities: ['CAP_BPF'] }, /capabilities/],
    [{ ...minimal, serviceMonitor: { enabled: true, interval: '15 seconds' } }, /interval/],
    [{ ...minimal, policy: { enabled: true } }, /policy\.text is empty/],
    [{ ...minimal, prometheusRule: { enabled: true } }, /prometheusRule\.text is empty/],
    [{ ...minimal, prometheusRule: { enabled: true, text: 'a: 1' } }, /it has no groups/],
    [{ ...minimal, dashboards: { files: { A_B: '{}' } } }, /'A_B' does not match/],
    [{ ...minimal, fullnameOverride: 'A_b' }, /'A_b' does not match/],
  ];
  for (const [values, message] of wrong) {
    const { status, stderr } = helm(['template', 'x', chart], values);
    assert.notEqual(status, 0, String(message));
    assert.match(stderr, message);
  }
});

test("the container image's own store: nothing is mounted over it, and what could not work is refused", {
  skip,
}, () => {
  const own = { ...minimal, pull: 'never', store: { inImage: true } };
  const { containers, volumes } = rendered(own)['DaemonSet node-skep'].spec.template.spec;
  assert.ok(!containers[0].env.some((e: Thing) => e.name === 'SKEP_STORAGE'));
  assert.ok(![...volumes, ...containers[0].volumeMounts].some((v: Thing) => v.name === 'store'));
  for (const wrong of [
    { ...own, pull: 'missing' },
    { ...own, store: { inImage: true, hostPath: '/x' } },
  ]) {
    const { status, stderr } = helm(['template', 'node', chart], wrong);
    assert.notEqual(status, 0);
    assert.match(stderr, /store\.inImage: the container image's own store cannot be written/);
  }
});
