import { deepStrictEqual, match, strictEqual, throws } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CONFIG, parseConfig, readConfig } from '../src/config/index.ts';
import { AgentError } from '../src/index.ts';

const WHOLE = `
watch:
  ports: [8080, 8081-8083]
  pids: [1]
  executables: [/usr/bin/node]
  cgroups: [/sys/fs/cgroup/a]
  network_namespaces: [/run/netns/a]
prometheus: { listen: ':9464' }
otlp: { endpoint: 'http://127.0.0.1:4318', metric_interval: 30s }
socket: /tmp/x.sock
routes:
  patterns: ['/users/{user}', '/static/*']
  children: 50
  per_service: 10
spans: { errors: 500ms, slow: off, sample: 1m }
limits: { series: 5000, services: 100 }
callers: true
cpu_budget: 2.5
self_check: off
`;

function read(text: string) {
  const dir = mkdtempSync(join(tmpdir(), 'agent-config-'));
  try {
    writeFileSync(join(dir, 'agent.yaml'), text);
    return readConfig(join(dir, 'agent.yaml'));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test('every setting becomes an option', () => {
  deepStrictEqual(read(WHOLE), {
    watch: {
      port: ['8080', '8081-8083'],
      pid: ['1'],
      exe: ['/usr/bin/node'],
      cgroup: ['/sys/fs/cgroup/a'],
      netns: ['/run/netns/a'],
    },
    prom: { host: '::', port: 9464 },
    otlp: { url: 'http://127.0.0.1:4318', metricIntervalMs: 30_000 },
    socket: { path: '/tmp/x.sock', required: true },
    routes: ['/users/{user}', '/static/*'],
    limits: { children: 50, routes: 10, series: 5000, services: 100 },
    sampling: { errorMs: 500, slowMs: 0, anyMs: 60_000 },
    callers: true,
    cpuBudgetPercent: 2.5,
    selfCheckMs: 0,
  });
  strictEqual(read('').watch, undefined);
  strictEqual(read('socket: false').socket, false);
  deepStrictEqual(read('prometheus: { listen: "[::1]:1" }').prom, { host: '::1', port: 1 });
});

test('what is wrong is named with its line', () => {
  const says = (text: string): string => {
    try {
      parseConfig(text, 'a.yaml');
    } catch (error) {
      if (error instanceof AgentError) return error.message;
      throw error;
    }
    return 'nothing';
  };
  strictEqual(
    says('spans:\n  sampel: 1s\n'),
    'a.yaml:2: "spans.sampel" is no setting; there are errors, slow, sample',
  );
  match(says('\n\nwach: {}'), /^a\.yaml:3: "wach" is no setting; there are watch, prometheus, .*self_check$/);
  strictEqual(
    says('watch:\n  ports:\n    - 80\n    - 99999\n'),
    'a.yaml:4: "watch.ports.1" must be a port, from 1 to 65535, or a range like 8000-8010',
  );
  for (const wrong of ['8010-8000', '0-80', '80-70000', 'http', '1.5'])
    match(
      says(`watch: { ports: [${wrong}] }`),
      /"watch\.ports\.0" must be a port, from 1 to 65535, or a range/,
    );
  strictEqual(says('watch: { ports: 80 }'), 'a.yaml:1: "watch.ports" must be a list');
  strictEqual(says('watch:\n  ports: []'), 'a.yaml:2: "watch.ports" is an empty list; leave it out');
  strictEqual(
    says('a: b\n\n  c'),
    `a.yaml:1: "a" is no setting; there are ${Object.keys(CONFIG.entries).join(', ')}`,
  );
  match(says('a: [b'), /^a\.yaml:1: /);
  match(says('watch: {}\nwatch: {}'), /^a\.yaml:2: Map keys must be unique/);
  strictEqual(says('- a'), 'a.yaml:1: there must be keys and values');
  strictEqual(says('spans: x'), 'a.yaml:1: "spans" must have keys and values');
  match(says('self_check: 10'), /^a\.yaml:1: "self_check" must be a time/);
  match(says('cpu_budget: lots'), /^a\.yaml:1: "cpu_budget" must be a percentage/);
  match(says('otlp:\n  endpoint: here'), /^a\.yaml:2: "otlp\.endpoint" must be a URL/);
  // A list has no keys, and so would narrow nothing.
  strictEqual(says('\nwatch: []'), 'a.yaml:2: "watch" must have keys and values');
  strictEqual(says('watch:\n  - ports: [80]'), 'a.yaml:1: "watch" must have keys and values');
  strictEqual(says('prometheus: {}'), 'a.yaml:1: "prometheus" needs "listen"');
  match(says('prometheus: { listen: ":99999" }'), /"prometheus\.listen" must have a port up to 65535$/);
  // Node's timers take what is too long for them for a millisecond.
  match(says('self_check: 1000h'), /"self_check" must be from 1s to 24h, or off$/);
  match(says('self_check: 1ms'), /"self_check" must be from 1s to 24h, or off$/);
  match(says('spans: { errors: 0s }'), /"spans\.errors" must be from 1ms to 24h, or off$/);
  match(
    says('otlp: { metric_interval: off }'),
    /"otlp\.metric_interval" must be a time, like 500ms, 10s or 1m$/,
  );
  match(says('otlp: { metric_interval: 0s }'), /"otlp\.metric_interval" must be from 100ms to 24h$/);
  match(says('cpu_budget: .inf'), /"cpu_budget" must be a percentage/);
  strictEqual(
    says('callers: true\n---\ncallers: true'),
    'a.yaml:2: the settings are one document, and here a second begins',
  );
  strictEqual(says('callers: true\nspans: *x'), 'a.yaml:2: there is no &x before this');
  strictEqual(says('callers: true\n1: x'), 'a.yaml:2: a key is a text');
  strictEqual(says('? [a]\n: b'), 'a.yaml:1: a key is a text');
  const nested = 'bcde'.split('').map((at, i) => `${at}: &${at} [${Array(9).fill(`*${'abcd'[i]}`)}]\n`);
  match(says(`a: &a [1]\n${nested.join('')}`), /^a\.yaml:1: Excessive alias count/);
  throws(() => readConfig('/nowhere/agent.yaml'), { code: 'SKEP_AGENT_CONFIG' });
});

test('the published schema is made of the same', async () => {
  const { agentSchema } = await import('../scripts/schema.ts');
  const file = new URL('../../../docs/schema/agent.schema.json', import.meta.url);
  deepStrictEqual(JSON.parse(readFileSync(file, 'utf8')), JSON.parse(agentSchema()));
});
