import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { freePort } from '../../../test/support/free-port.ts';
import { MetricsServer, startRun } from '../src/index.ts';
import { build } from './support/probe.ts';
import { Producer, WATCH } from './support/producer.ts';

const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : spawnSync('prometheus', ['--version']).error
      ? 'needs prometheus'
      : false;

interface Answer {
  data: { result: { metric: Record<string, string>; value: [number, string] }[] };
}

test('a real Prometheus answers what the kernel counted, and forgets what left the map', {
  skip,
}, async () => {
  using producer = new Producer();
  const bytes = await build(`${WATCH}
SKEP_HASH(counter_calls, __u32, __u64, 64) SKEP_HELP("calls seen");
SKEP_RINGBUF(hist_took_us, __u64, 65536);
SEC("tp/syscalls/sys_enter_getpgid") int calls(struct trace_event_raw_sys_enter *ctx)
{
	long arg = argument(ctx);
	__u32 key = arg;
	if (arg < 0) return 0;
	if (key == 9) { key = 0; bpf_map_delete_elem(&counter_calls, &key); return 0; }
	skep_add(&counter_calls, &key, 1);
	__u64 *took = skep_reserve(hist_took_us, __u64);
	if (took) { *took = 15; skep_submit(took); }
	return 0;
}`);
  const metrics = new MetricsServer({ port: 0, required: true });
  const run = await startRun({
    name: 'calls',
    objects: [{ name: 'calls.o', bytes }],
    params: { target_pid: String(producer.pid) },
    sinks: [metrics],
  });
  const dir = mkdtempSync(join(tmpdir(), 'skep-prometheus-'));
  const port = await freePort();
  assert.ok(metrics.status.listening);
  writeFileSync(
    join(dir, 'prometheus.yml'),
    `global: {scrape_interval: 250ms}\nscrape_configs: [{job_name: skep, static_configs: [{targets: ['127.0.0.1:${metrics.status.port}']}]}]\n`,
  );
  const server = spawn(
    'prometheus',
    [
      `--config.file=${dir}/prometheus.yml`,
      `--storage.tsdb.path=${dir}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  try {
    for await (const line of createInterface(server.stderr!)) if (line.includes('ready to receive')) break;
    const query = async (text: string): Promise<string[]> => {
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(text)}`;
      const { data } = (await (await fetch(url)).json()) as Answer;
      return data.result.map((r) => `${r.metric.key ?? ''} ${r.value[1]}`).sort();
    };
    const until = async (text: string, wanted: string[]): Promise<void> => {
      const deadline = Date.now() + 10_000;
      let got: string[] = [];
      while (Date.now() < deadline) {
        got = await query(text);
        if (got.join() === wanted.join()) return;
        await new Promise((resolve) => setTimeout(resolve, 100)); // between two scrapes
      }
      assert.deepEqual(got, wanted, text);
    };
    await producer.produce(12, 3);
    await until('skep_calls_total', ['0 4', '1 4', '2 4']);
    await until('histogram_quantile(1, skep_took_seconds_bucket)', [' 0.00002']);
    await until('skep_took_seconds_count', [' 12']);
    await producer.produce(10, 10);
    await until('skep_calls_total', ['1 5', '2 5', ...[3, 4, 5, 6, 7, 8].map((n) => `${n} 1`)]);
  } finally {
    server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    rmSync(dir, { recursive: true });
    await run.stop();
  }
});
