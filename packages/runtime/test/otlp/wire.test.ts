/** How requests look on the wire: headers, compression, TLS, a connection that is kept. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { decoded, OtlpReceiver } from '../../../../test/support/otlp-receiver.ts';
import { OtlpExporter, otlpSettings } from '../../src/otlp/index.ts';
import type { Variables } from '../../src/otlp/variables.ts';
import { shop, span } from './support.ts';

const scope = { name: 'skep', version: '1.2.3' };
const QUICK = { OTEL_BSP_SCHEDULE_DELAY: '1', OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' };

function exporter(url: string, env: Variables = {}): OtlpExporter {
  return new OtlpExporter({ settings: otlpSettings({ url, env: { ...QUICK, ...env } })!, scope });
}

test('headers of the environment, who we are, gzip, and user and password of the URL', async () => {
  await using receiver = await OtlpReceiver.start();
  const otlp = exporter(receiver.url.replace('//', '//user:p%40ss@'), {
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=secret',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
  });
  for (let n = 1; n <= 100; n++) otlp.spans.add(span(n));
  await otlp.stop();
  const [request] = receiver.requests;
  const { headers } = request!;
  equal(headers['user-agent'], 'skep/1.2.3');
  equal(headers['content-type'], 'application/x-protobuf');
  equal(headers['content-encoding'], 'gzip');
  equal(headers['api-key'], 'secret');
  equal(Buffer.from(headers.authorization!.slice('Basic '.length), 'base64').toString(), 'user:p@ss');
  ok(request!.length * 3 < request!.body.length);
  const [tree] = await decoded(receiver.requests);
  equal(tree.resourceSpans[0].scopeSpans[0].spans.length, 50);
  // Neither figures nor errors tell them.
  equal(otlp.stats()[0]!.url, `${receiver.url}/v1/traces`);
});

test('one connection is kept, and one that the receiver closed meanwhile is replaced at once', async () => {
  let connections = 0;
  await using receiver = await OtlpReceiver.start((_, response) => {
    response.setHeader('Connection', 'keep-alive').end();
  });
  const ports = new Set<number | undefined>();
  receiver.behave = (_, response) => {
    ports.add(response.socket!.remotePort);
    connections = ports.size;
    response.end();
  };
  const otlp = exporter(receiver.url);
  for (let n = 1; n <= 3; n++) {
    otlp.spans.add(span(n));
    await receiver.until((r) => r.length === n);
  }
  equal(connections, 1);
  // The answer to the fourth, on the same connection, is a reset; so might one be that was idle for too long.
  receiver.behave = (_, response, n) => void (n === 3 ? response.socket!.resetAndDestroy() : response.end());
  otlp.spans.add(span(4));
  await receiver.until((r) => r.length === 5);
  equal(otlp.stats()[0]!.retries, 0, 'no wait as for a receiver in trouble');
  await otlp.stop();
  deepEqual([otlp.stats()[0]!.delivered, otlp.stats()[0]!.lastError], [4, undefined]);
});

test('TLS by the certificate that is named, with our own where it is asked for; not without', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-otlp-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const about = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  execFileSync('openssl', [...request, ...about, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const own = { key: readFileSync(key), cert: readFileSync(cert) };
  const server = createTlsServer({ ...own, ca: own.cert, requestCert: true, rejectUnauthorized: true });
  await using receiver = await OtlpReceiver.start(undefined, server as never);
  const url = receiver.url.replace('http:', 'https:');
  const trusted = {
    OTEL_EXPORTER_OTLP_CERTIFICATE: cert,
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: cert,
    OTEL_EXPORTER_OTLP_CLIENT_KEY: key,
  };
  const otlp = exporter(url, trusted);
  otlp.spans.add(span(1));
  await otlp.stop();
  equal(otlp.stats()[0]!.delivered, 1);
  const stranger = exporter(url);
  stranger.spans.add(span(1));
  await stranger.stop({ withinMs: 300 });
  equal(stranger.stats()[0]!.lost.shutdown, 1);
  match(stranger.stats()[0]!.lastError!, /self-signed certificate/);
  equal(receiver.requests.length, 1);
});

test('a slow receiver holds up neither the other signals nor the caller', async () => {
  await using receiver = await OtlpReceiver.start((request, response) => {
    if (request.path !== '/v1/traces') response.end();
  });
  const otlp = exporter(receiver.url, { OTEL_LOGS_EXPORTER: 'otlp', OTEL_BLRP_SCHEDULE_DELAY: '1' });
  otlp.spans.add(span(1));
  await receiver.until((r) => r.length === 1);
  for (let n = 0; n < 3; n++) {
    otlp.logs.add({ time: [1, 0], observed: [1, 0], body: `${n}`, resource: shop });
    await receiver.until((r) => r.length === 2 + n);
  }
  await otlp.stop({ withinMs: 50 });
  const [traces, logs] = otlp.stats();
  deepEqual([traces!.lost.shutdown, logs!.delivered], [1, 3]);
});
