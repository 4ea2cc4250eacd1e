// Which tracing library is in a process, and by which sign.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Runtime } from '../src/language/detect.ts';
import { parseEnvironment, resourceAttributesOf } from '../src/process/environ.ts';
import { exportsTraces, findSdks, mayExportTraces } from '../src/sdk.ts';

interface Given {
  language?: Runtime['language'];
  env?: Record<string, string>;
  argv?: string[];
  files?: string[];
  modules?: string[];
  manifest?: string;
}

function signs({ language, env = {}, argv = ['x'], files = [], modules = [], manifest }: Given): string[] {
  const dependencies = new Map(modules.map((m) => [m, 'v1']));
  const go = { version: 'go1.26', modules: modules.length, dependencies };
  const context = {
    exe: '/usr/bin/x',
    argv,
    comm: 'x',
    runtime: language && { language, go },
    environment: new Map(Object.entries(env)),
    cwd: () => '/srv',
    readText: (path: string) => (path === '/srv/package.json' ? manifest : undefined),
  };
  return findSdks(context, () => files).map(
    (s) => `${s.name} ${s.sign} ${s.detail} ${s.evidence}${s.off ? ' off' : ''}`,
  );
}

const rows: [string, Given, string[]][] = [
  ['nothing', {}, []],
  [
    'a secret-free variable',
    { env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:pw@c' } },
    ['opentelemetry environment OTEL_EXPORTER_OTLP_ENDPOINT configured'],
  ],
  [
    'an exporter that is none',
    { env: { OTEL_TRACES_EXPORTER: 'none' } },
    ['opentelemetry environment OTEL_TRACES_EXPORTER configured off'],
  ],
  [
    'Node by variable',
    { env: { NODE_OPTIONS: '--require /otel-auto/autoinstrumentation.js --import @opentelemetry/x' } },
    ['opentelemetry environment NODE_OPTIONS configured'],
  ],
  [
    'Node by option',
    { language: 'nodejs', argv: ['node', '-r', 'dd-trace/init', 'a.js'] },
    ['datadog argument -r configured'],
  ],
  [
    'Node by import',
    {
      language: 'nodejs',
      argv: ['node', '--import=@opentelemetry/auto-instrumentations-node/register', 'a.js'],
    },
    ['opentelemetry argument --import configured'],
  ],
  [
    'Node by dependency',
    {
      language: 'nodejs',
      argv: ['node', 'a.js'],
      manifest: '{"name":"x","dependencies":{"@opentelemetry/api":"1","@opentelemetry/sdk-node":"^0.5"}}',
    },
    ['opentelemetry dependency @opentelemetry/sdk-node linked'],
  ],
  [
    'Node with the API alone',
    { language: 'nodejs', argv: ['node', 'a.js'], manifest: '{"dependencies":{"@opentelemetry/api":"1"}}' },
    [],
  ],
  [
    'Java by variable',
    { env: { JAVA_TOOL_OPTIONS: '-javaagent:/opt/opentelemetry-javaagent.jar' } },
    ['opentelemetry environment JAVA_TOOL_OPTIONS configured'],
  ],
  [
    'Java by option',
    { argv: ['java', '-javaagent:/opt/dd-java-agent.jar', '-jar', 'x.jar'] },
    ['datadog argument -javaagent configured'],
  ],
  [
    'Java by its mapped agent',
    { language: 'java', files: ['/opt/opentelemetry-javaagent.jar'] },
    ['opentelemetry mapped-file opentelemetry-javaagent.jar loaded'],
  ],
  [
    'Python by path',
    {
      env: {
        PYTHONPATH: '/usr/lib/python3/site-packages/opentelemetry/instrumentation/auto_instrumentation:/srv',
      },
    },
    ['opentelemetry environment PYTHONPATH configured'],
  ],
  [
    'Python by wrapper',
    { language: 'python', argv: ['python3', '/usr/bin/ddtrace-run', 'app.py'] },
    ['datadog argument ddtrace-run configured'],
  ],
  [
    'Python by its mapped library',
    { language: 'python', files: ['/x/ddtrace/internal/_encoding.cpython-311-x86_64-linux-gnu.so'] },
    ['datadog mapped-file _encoding.cpython-311-x86_64-linux-gnu.so loaded'],
  ],
  [
    '.NET by profiler',
    { env: { CORECLR_ENABLE_PROFILING: '1', CORECLR_PROFILER: '{918728dd-259f-4a6a-ac2b-b85e1b658318}' } },
    ['opentelemetry environment CORECLR_PROFILER configured'],
  ],
  [
    'what a container starts beside a program that loads one',
    { language: 'c', env: { NODE_OPTIONS: '-r dd-trace/init', JAVA_TOOL_OPTIONS: '-javaagent:/o/otel.jar' } },
    [],
  ],
  [
    'a preloaded one in whatever program',
    { language: 'c', env: { LD_PRELOAD: '/usr/lib/opentelemetry/libotelinject.so' } },
    ['opentelemetry environment LD_PRELOAD configured'],
  ],
  [
    'a variable that all of a cluster have, in a program that reads none',
    { language: 'c', env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' } },
    [],
  ],
  [
    'the same in Go without an exporter',
    {
      language: 'go',
      modules: ['github.com/x/y'],
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' },
    },
    [],
  ],
  [
    'the same in Go of whose modules nothing is known',
    { language: 'go', env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' } },
    ['opentelemetry environment OTEL_EXPORTER_OTLP_ENDPOINT configured'],
  ],
  [
    'Go whose exporter its variables choose',
    {
      language: 'go',
      modules: ['go.opentelemetry.io/contrib/exporters/autoexport'],
      env: { OTEL_TRACES_EXPORTER: 'otlp' },
    },
    ['opentelemetry environment OTEL_TRACES_EXPORTER configured'],
  ],
  ['.NET with the profiler off', { env: { CORECLR_PROFILER: '{918728dd-259f-4a6a-ac2b-b85e1b658318}' } }, []],
  [
    'Go by exporter',
    {
      language: 'go',
      modules: [
        'go.opentelemetry.io/otel',
        'go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp',
      ],
    },
    ['opentelemetry go-module go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp linked'],
  ],
  [
    'Go with the API and the SDK alone',
    { language: 'go', modules: ['go.opentelemetry.io/otel', 'go.opentelemetry.io/otel/sdk'] },
    [],
  ],
  [
    'Go with dd-trace',
    { language: 'go', modules: ['github.com/DataDog/dd-trace-go/v2'] },
    ['datadog go-module github.com/DataDog/dd-trace-go/v2 linked'],
  ],
  [
    'both',
    { env: { DD_TRACE_ENABLED: 'false', NODE_OPTIONS: '-r dd-trace/init', OTEL_TRACES_EXPORTER: 'otlp' } },
    [
      'datadog environment NODE_OPTIONS configured off',
      'opentelemetry environment OTEL_TRACES_EXPORTER configured',
    ],
  ],
];

suite('a tracing library is seen: ', () => {
  for (const [name, given, expected] of rows) test(name, () => assert.deepEqual(signs(given), expected));
});

test('spans are doubled only by what exports them', () => {
  const sdk = { name: 'opentelemetry', sign: 'environment', detail: 'x', evidence: 'configured' } as const;
  assert.equal(exportsTraces([]), false);
  assert.equal(exportsTraces([{ ...sdk, off: true }]), false);
  assert.equal(
    exportsTraces([
      { ...sdk, off: true },
      { ...sdk, off: false },
    ]),
    true,
  );
});

test('who only has an exporter among its code may export', () => {
  const sdk = { name: 'opentelemetry', sign: 'go-module', detail: 'x', evidence: 'linked' } as const;
  assert.deepEqual(
    [false, true].map((off) => [exportsTraces([{ ...sdk, off }]), mayExportTraces([{ ...sdk, off }])]),
    [
      [false, true],
      [false, false],
    ],
  );
});

test('of an environment only the known variables are kept', () => {
  const found = parseEnvironment(
    Buffer.from(
      'PASSWORD=x\0OTEL_SERVICE_NAME=a=b\0OTEL_SERVICE_NAME=second\0rubbish\0=\0DD_SERVICE=\0HOSTNAME=pod-1',
    ),
  );
  assert.deepEqual(
    [...found],
    [
      ['OTEL_SERVICE_NAME', 'a=b'],
      ['DD_SERVICE', ''],
      ['HOSTNAME', 'pod-1'],
    ],
  );
  const pm2 = parseEnvironment(Buffer.from('pm2_env={"name":"carts","env":{"TOKEN":"secret"}}'));
  assert.deepEqual([...pm2], [['pm2_env', 'carts']]);
  assert.equal(parseEnvironment(undefined).size, 0);
  const attributes = resourceAttributesOf(
    new Map([['OTEL_RESOURCE_ATTRIBUTES', 'a=1, b = x%20y ,=c,d,e="q",f=100%']]),
  );
  assert.deepEqual(
    [...attributes],
    [
      ['a', '1'],
      ['b', 'x y'],
      ['e', 'q'],
      ['f', '100%'],
    ],
  );
});
