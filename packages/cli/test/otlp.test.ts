import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type Decoded, decoded, OtlpReceiver } from '../../../test/support/otlp-receiver.ts';
import { main, Sandbox } from './harness.ts';
import { source } from './objects.ts';

const box = new Sandbox();
const needsRoot = { skip: process.getuid?.() === 0 ? false : 'loading BPF needs root' };

before(async () => {
  writeFileSync(box.path('calls.c'), source);
  if (!needsRoot.skip) await box.ok(['build', 'calls.c']);
});
after(() => box[Symbol.dispose]());

/** `skep run` of a probe that watches this process, attached once it says something. */
async function running(...args: string[]) {
  const set = ['--set', `target_pid=${process.pid}`, '--prom-listen', '127.0.0.1:0'];
  const child = spawn(process.execPath, [main, 'run', 'calls.o', ...set, ...args], {
    env: box.env,
    cwd: box.dir,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    if (stderr.includes('metrics: ')) resolve();
  });
  child.once('close', () => reject(new Error(`ended too early: ${stderr}`)));
  await promise;
  return {
    metrics: () => /metrics: (http\S+)/.exec(stderr)![1]!,
    async end(): Promise<{ code: number | null; stderr: string; ms: number }> {
      const at = performance.now();
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'close');
      return { code: child.exitCode, stderr, ms: performance.now() - at };
    },
  };
}

function callUmask(times: number): void {
  for (let i = 0; i < times; i++) process.umask(0o22);
}

test(
  '--otlp sends what there is until SIGTERM, the last of it too, and says how much',
  needsRoot,
  async () => {
    await using receiver = await OtlpReceiver.start();
    const run = await running('--otlp', receiver.url, '--otlp-interval', '1h', '--summary', 'summary.json');
    callUmask(25);
    const { code, stderr } = await run.end();
    equal(code, 0, stderr);
    const events = (await decoded(receiver.of('logs'))).flatMap(
      (tree) => tree.resourceLogs[0].scopeLogs[0].logRecords as Decoded[],
    );
    const named = events.filter((e) => e.eventName === 'calls.events');
    equal(named.length, 25);
    // One request, for the interval is an hour: the last.
    const [metrics, ...none] = await decoded(receiver.of('metrics'));
    equal(none.length, 0);
    const all = metrics.resourceMetrics[0].scopeMetrics[0].metrics as Decoded[];
    const calls = all.find((m) => m.name === 'skep.calls');
    equal(calls.sum.dataPoints[0].asInt, '25');
    match(stderr, /\n {2}OTLP logs: \d+ records delivered\n {2}OTLP metrics: \d+ points delivered\n/);
    const { exports } = JSON.parse(readFileSync(box.path('summary.json'), 'utf8'));
    deepEqual(
      exports.map((e: Decoded) => [e.signal, e.handed_in === e.delivered, e.last_error]),
      [
        ['logs', true, null],
        ['metrics', true, null],
      ],
    );
  },
);

test(
  'a receiver that hangs does not hold up the end, and one that refuses is told of at once',
  needsRoot,
  async () => {
    await using receiver = await OtlpReceiver.start((request, response) => {
      if (request.path === '/v1/metrics') response.writeHead(401).end();
    });
    const run = await running('--otlp', receiver.url, '--otlp-interval', '50ms');
    callUmask(5);
    await receiver.until(() => receiver.of('metrics').length > 1);
    const body = await (await fetch(run.metrics())).text();
    match(body, /skep_run_otlp_lost_items_total\{signal="metrics",reason="rejected"\} [1-9]/);
    match(body, new RegExp(`calls_total\\{pid="${process.pid}"\\} 5\\n`));
    const { code, stderr, ms } = await run.end();
    equal(code, 0, stderr);
    ok(ms < 5000, `${ms} ms`);
    equal(stderr.match(/^.*OTLP metrics: http:\S+: HTTP 401$/gm)?.length, 1, stderr);
    match(stderr, / {2}OTLP logs: 0 records delivered, \d+ lost \(shutdown\)/);
    match(stderr, / {2}OTLP metrics: 0 points delivered, [\d,]+ lost \(rejected\); http:\S+: HTTP 401\n/);
  },
);

test('what cannot be used is refused before anything is loaded', async () => {
  await box.fails(2, /--otlp-interval needs --otlp/, ['run', 'calls.o', '--otlp-interval', '1s']);
  if (needsRoot.skip) return;
  await box.fails(2, /--otlp: "localhost:4318" is not an http or https URL/, [
    'run',
    'calls.o',
    '--otlp',
    'localhost:4318',
  ]);
  const env = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
  await box.fails(
    2,
    /OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" is not spoken/,
    ['run', 'calls.o', '--otlp', 'http://127.0.0.1:4317'],
    { env },
  );
});
