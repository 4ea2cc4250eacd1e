import { deepEqual, equal, throws } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { otlpSettings, wantsOtlp } from '../../src/otlp/index.ts';
import type { Variables } from '../../src/otlp/variables.ts';

const urls = (env: Variables, url?: string) => {
  const { destinations } = otlpSettings({ env, url })!;
  return Object.values(destinations).map((d) => d.url.href);
};

test('without anything, a collector on this machine', () => {
  const { destinations, resource, metricIntervalMs, batches } = otlpSettings({ env: {} })!;
  deepEqual(
    urls({}),
    ['traces', 'metrics', 'logs'].map((s) => `http://localhost:4318/v1/${s}`),
  );
  const { url: _, ...rest } = destinations.traces!;
  deepEqual(rest, { headers: {}, timeoutMs: 10_000, gzip: false, encoding: 'protobuf', tls: {} });
  deepEqual([resource, metricIntervalMs], [{}, 60_000]);
  deepEqual(batches.logs, { delayMs: 1000, batchItems: 512, queueItems: 8192 });
});

test('a base gets a path, the endpoint of a signal is used as it is, and the flag wins over both', () => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://base:1/otlp/',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://own:2',
    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: ' ',
  };
  deepEqual(urls(env), ['https://own:2/', 'http://base:1/otlp/v1/metrics', 'http://base:1/otlp/v1/logs']);
  deepEqual(
    urls(env, 'http://flag:3/x?key=1'),
    ['traces', 'metrics', 'logs'].map((s) => `http://flag:3/x/v1/${s}?key=1`),
  );
  deepEqual([wantsOtlp(env), wantsOtlp({ OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: ' ' })], [true, false]);
});

test('what a signal says wins over what all say', () => {
  const { destinations, resource, metricIntervalMs, batches } = otlpSettings({
    env: {
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b, other = c',
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'x=%C3%A4%3D',
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '700',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_LOGS_COMPRESSION: 'none',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: 'http/protobuf',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=a,deployment.environment.name=test%2C1',
      OTEL_SERVICE_NAME: 'b',
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
      OTEL_BLRP_SCHEDULE_DELAY: '5',
      OTEL_BSP_MAX_QUEUE_SIZE: '10',
    },
  })!;
  const { traces, metrics, logs } = destinations;
  deepEqual([traces!.headers, metrics!.headers], [{ 'api-key': 'a b', other: 'c' }, { x: 'ä=' }]);
  deepEqual([traces!.timeoutMs, logs!.timeoutMs], [700, 500]);
  deepEqual([traces!.gzip, logs!.gzip], [true, false]);
  deepEqual([traces!.encoding, logs!.encoding], ['json', 'protobuf']);
  deepEqual(resource, { 'service.name': 'b', 'deployment.environment.name': 'test,1' });
  deepEqual([metricIntervalMs, batches.logs.delayMs], [1000, 5]);
  // A queue always has room for a batch.
  equal(batches.traces.queueItems, 512);
  equal(
    otlpSettings({ env: { OTEL_METRIC_EXPORT_INTERVAL: '1000' }, metricIntervalMs: 7 })!.metricIntervalMs,
    7,
  );
});

test('it can be switched off, as a whole or by signal', () => {
  equal(otlpSettings({ env: { OTEL_SDK_DISABLED: 'TRUE' } }), undefined);
  equal(otlpSettings({ env: { OTEL_SDK_DISABLED: '1' } }) === undefined, false);
  const off = {
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_METRICS_EXPORTER: 'console, otlp',
    OTEL_LOGS_EXPORTER: 'console',
  };
  deepEqual(Object.keys(otlpSettings({ env: off })!.destinations), ['metrics']);
  equal(otlpSettings({ env: { ...off, OTEL_METRICS_EXPORTER: 'none' } }), undefined);
});

test('of a signal that nobody sends no variable is looked at, and it does not make OTLP switched on', () => {
  const signals = ['traces', 'metrics'] as const;
  const env = { OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'nonsense' };
  deepEqual(Object.keys(otlpSettings({ env, signals })!.destinations), signals);
  const none = { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' };
  equal(otlpSettings({ env: none, signals }), undefined);
});

const wrong: [name: string, value: string, message: RegExp][] = [
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4318', /"localhost:4318" is not an http or https URL/],
  ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'nonsense', /OTLP_TRACES_ENDPOINT: "nonsense" is not/],
  [
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'http://me:100%@h',
    /^OTEL_EXPORTER_OTLP_ENDPOINT: user or password has a % that begins no %XX$/,
  ],
  ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', /OTLP_PROTOCOL: "grpc" is not spoken/],
  ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd', /"zstd" is not spoken/],
  ['OTEL_EXPORTER_OTLP_TIMEOUT', '10s', /"10s" is not a number of milliseconds/],
  ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', 'delta', /"delta" is not spoken/],
  ['OTEL_BSP_MAX_QUEUE_SIZE', '0', /"0" is not a number of items/],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'secret', /HEADERS: not all of it is key=value$/],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'k=%zz', /the value of k has a % that begins no %XX$/],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a=x%0Asecret', /"a" or its value cannot be a header$/],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a b=1', /"a b" or its value cannot be a header$/],
  ['OTEL_RESOURCE_ATTRIBUTES', '=x', /RESOURCE_ATTRIBUTES: not all of it is key=value/],
  [
    'OTEL_EXPORTER_OTLP_CERTIFICATE',
    '/does/not/exist',
    /CERTIFICATE: \/does\/not\/exist cannot be read \(ENOENT\)/,
  ],
];
for (const [name, value, message] of wrong) {
  test(`${name}=${value} is refused`, () => {
    throws(() => otlpSettings({ env: { [name]: value } }), { code: 'SKEP_OTLP', message });
  });
}

test('certificates are read from their files, and are what they are said to be', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-otlp-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const file = (name: string) => join(dir, `${name}.pem`);
  for (const name of ['own', 'other']) {
    const made = ['-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`, '-days', '2'];
    execFileSync('openssl', ['req', '-x509', ...made, '-keyout', file(`${name}-key`), '-out', file(name)], {
      stdio: 'ignore',
    });
  }
  const locked = ['rsa', '-aes128', '-passout', 'pass:x', '-in', file('own-key'), '-out', file('locked')];
  execFileSync('openssl', locked, { stdio: 'ignore' });
  writeFileSync(file('noise'), 'noise');
  const of = (ca: string, cert: string, key: string) =>
    otlpSettings({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: 'https://receiver.example',
        OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'http://receiver.example',
        OTEL_EXPORTER_OTLP_CERTIFICATE: ca && file(ca),
        OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: cert && file(cert),
        OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: key && file(key),
        OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY: key && file(key),
      },
    })!.destinations;
  const { traces, logs } = of('other', 'own', 'own-key');
  deepEqual(
    [traces!.tls.ca, traces!.tls.cert, traces!.tls.key].map(String),
    ['other', 'own', 'own-key'].map((name) => readFileSync(file(name), 'utf8')),
  );
  // Over plain HTTP there are none.
  deepEqual(logs!.tls, {});
  for (const [ca, cert, key, message] of [
    ['noise', '', '', /^OTEL_EXPORTER_OTLP_CERTIFICATE: there is no certificate in the file$/],
    ['own-key', '', '', /OTLP_CERTIFICATE: there is no certificate/],
    ['', 'noise', 'own-key', /OTLP_CLIENT_CERTIFICATE: there is no certificate/],
    ['', 'own', 'noise', /TRACES_CLIENT_KEY: there is no private key without a passphrase in the file$/],
    ['', 'own', 'locked', /TRACES_CLIENT_KEY: there is no private key without a passphrase/],
    [
      '',
      'own',
      'other-key',
      /TRACES_CLIENT_KEY: it is not the key of OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE$/,
    ],
    ['', 'own', '', /OTLP_CLIENT_KEY: a client certificate needs its key$/],
    ['', '', 'own-key', /OTLP_CLIENT_CERTIFICATE: a client key needs its certificate$/],
  ] as const)
    throws(() => of(ca, cert, key), { code: 'SKEP_OTLP', message });
});
