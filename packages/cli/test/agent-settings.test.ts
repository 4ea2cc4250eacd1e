import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { settingsOf } from '../src/agent/run.ts';

test('the environment asks for OTLP by an endpoint that is not empty', async () => {
  const otlp = async (env: NodeJS.ProcessEnv, url?: string) =>
    (await settingsOf({ tty: true, otlp: url }, env)).otlp;
  strictEqual(await otlp({}), undefined);
  // As OpenTelemetry has it; unit files and manifests set variables to nothing.
  strictEqual(await otlp({ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }), undefined);
  deepStrictEqual(await otlp({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }), {});
  deepStrictEqual(await otlp({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://collector:4318/x' }), {});
  strictEqual(await otlp({ OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'http://collector:4318/x' }), undefined);
  deepStrictEqual(await otlp({}, 'http://127.0.0.1:4318'), { url: 'http://127.0.0.1:4318' });
});
