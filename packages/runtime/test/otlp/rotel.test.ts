/** A real receiver takes all that the agent will hand in, in every form it can go: the spans and metrics of several services. */
import { deepEqual, equal } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Decoded, decoded, OtlpReceiver, Rotel } from '../../../../test/support/otlp-receiver.ts';
import { type MetricData, OtlpExporter, otlpSettings } from '../../src/otlp/index.ts';
import { exponential, histogram, shop, span, till } from './support.ts';

for (const protocol of ['http/protobuf', 'http/json']) {
  for (const compression of ['none', 'gzip']) {
    test(`rotel takes ${protocol}, compression ${compression}`, async (t) => {
      const dir = mkdtempSync(join(tmpdir(), 'skep-otlp-'));
      t.after(() => rmSync(dir, { recursive: true }));
      await using receiver = await OtlpReceiver.start();
      await using rotel = await Rotel.start(receiver.url, dir);
      const env = { OTEL_EXPORTER_OTLP_PROTOCOL: protocol, OTEL_EXPORTER_OTLP_COMPRESSION: compression };
      const settings = otlpSettings({ url: rotel.url, env })!;
      const otlp = new OtlpExporter({ settings, scope: { name: 'skep', version: '1' } });
      const name = 'http.server.request.duration';
      // rotel 0.0.1a15 makes nothing of an exponential histogram in JSON; Google's library does, see encode.test.ts.
      const second: MetricData =
        protocol === 'http/json'
          ? { name, unit: 's', type: 'histogram', points: [histogram()] }
          : { name, unit: 's', type: 'exponential', points: [exponential] };
      otlp.addMetrics({
        collect: () => [
          { resource: shop, metrics: [{ name, unit: 's', type: 'histogram', points: [histogram()] }] },
          { resource: till, metrics: [second] },
        ],
      });
      for (let n = 1; n <= 1000; n++) otlp.spans.add(span(n));
      otlp.logs.add({
        time: [1_790_000_000, 5],
        observed: [1_790_000_000, 7],
        body: 'hello',
        resource: till,
      });
      await otlp.stop({ withinMs: 20_000 });
      deepEqual(
        otlp.stats().map((s) => [s.signal, s.delivered, s.lastError]),
        [
          ['traces', 1000, undefined],
          ['logs', 1, undefined],
          ['metrics', 2, undefined],
        ],
        rotel.log(),
      );
      let got: Decoded[] = [];
      await receiver.untilRead(async () => {
        got = (await decoded(receiver.of('traces'))).flatMap((tree) =>
          tree.resourceSpans.flatMap((r: Decoded) => r.scopeSpans.flatMap((s: Decoded) => s.spans)),
        );
        return got.length >= 1000;
      });
      await receiver.until(() => receiver.of('metrics').length > 0 && receiver.of('logs').length > 0);
      equal(new Set(got.map((s) => s.traceId)).size, 1000);
      const services = (await decoded(receiver.of('metrics'))).flatMap((tree) =>
        tree.resourceMetrics.map((r: Decoded) => [
          r.resource.attributes[0].value.stringValue,
          Object.keys(r.scopeMetrics[0].metrics[0]).at(-1),
        ]),
      );
      deepEqual(services.toSorted(), [
        ['shop', 'histogram'],
        ['till', protocol === 'http/json' ? 'histogram' : 'exponentialHistogram'],
      ]);
      const [logs] = await decoded(receiver.of('logs'));
      const [record] = logs.resourceLogs[0].scopeLogs[0].logRecords;
      deepEqual([record.timeUnixNano, record.body], ['1790000000000000005', { stringValue: 'hello' }]);
    });
  }
}
