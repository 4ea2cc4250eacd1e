import { deepEqual, equal, throws } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
  const tls = { ca: undefined, cert: undefined, key: undefined };
  deepEqual(rest, { headers: {}, timeoutMs: 10_000, gzip: false, encoding: 'protobuf', tls });
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

const wrong: [name: string, value: string, message: RegExp][] = [
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4318', /"localhost:4318" is not an http or https URL/],
  ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'nonsense', /OTLP_TRACES_ENDPOINT: "nonsense" is not/],
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

test('certificates are read from their files', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-otlp-'));
  t.after(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'ca.pem'), 'one');
  writeFileSync(join(dir, 'own.pem'), 'two');
  const { destinations } = otlpSettings({
    env: {
      OTEL_EXPORTER_OTLP_CERTIFICATE: join(dir, 'ca.pem'),
      OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: join(dir, 'own.pem'),
      OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: join(dir, 'own.pem'),
    },
  })!;
  const { ca, cert, key } = destinations.traces!.tls;
  deepEqual([ca, cert, key].map(String), ['one', 'two', 'two']);
  equal(destinations.logs!.tls.cert, undefined);
});
