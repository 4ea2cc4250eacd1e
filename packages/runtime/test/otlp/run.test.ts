/** A probe's series and records by way of rotel, a real receiver, to one that keeps them. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Decoded, decoded, OtlpReceiver, Rotel } from '../../../../test/support/otlp-receiver.ts';
import { MetricsServer, type Run, type Sink, startRun } from '../../src/index.ts';
import { OtlpSink, type OtlpSinkOptions } from '../../src/otlp/index.ts';
import { build } from '../support/probe.ts';
import { Producer, WATCH } from '../support/producer.ts';
import { Collect } from '../support/sinks.ts';
import { adds } from './support.ts';

const skip = process.getuid?.() !== 0 ? 'needs root' : false;

const SOURCE = `${WATCH}
struct peer { ipv4_addr addr; __u16 port; };
struct who { struct peer peer; char name[8]; bool cut; };
struct seen { __u64 calls; bytes_t bytes; };
struct event { __u32 number; __u64 cookie; __s64 error; duration_ns took; struct who key; __u32 list[2];
               __u64 secret SKEP_PRIVATE; };
SKEP_HASH(counter_seen, struct who, struct seen, 64) SKEP_HELP("what was seen");
SKEP_HASH(gauge_level_ms, __u32, __u32, 64) SKEP_UNIT("ms");
SKEP_HASH(print_last, __u32, __u32, 64);
SKEP_RINGBUF(hist_took_us, __u64, 65536) SKEP_UNIT("us");
SKEP_RINGBUF(print_calls, struct event, 65536);
SEC("tp/syscalls/sys_enter_getpgid") int calls(struct trace_event_raw_sys_enter *ctx)
{
	long arg = argument(ctx);
	if (arg < 0) return 0;
	struct who key;
	__builtin_memset(&key, 0, sizeof(key));
	key.peer.addr = bpf_htonl(0x0a000001); key.peer.port = 80; key.cut = arg & 1;
	key.name[0] = 'w'; key.name[1] = 'e'; key.name[2] = 'b';
	if (arg == 7) { bpf_map_delete_elem(&counter_seen, &key); return 0; }
	struct seen one = { .calls = 1, .bytes = 1000 };
	struct seen *seen = bpf_map_lookup_elem(&counter_seen, &key);
	if (seen) { __sync_fetch_and_add(&seen->calls, 1); __sync_fetch_and_add(&seen->bytes, 1000); }
	else bpf_map_update_elem(&counter_seen, &key, &one, BPF_ANY);
	__u32 zero = 0, level = 1500;
	bpf_map_update_elem(&gauge_level_ms, &zero, &level, BPF_ANY);
	bpf_map_update_elem(&print_last, &zero, &level, BPF_ANY);
	__u64 *took = skep_reserve(hist_took_us, __u64);
	if (took) { *took = 1000; skep_submit(took); }
	struct event *e = skep_reserve(print_calls, struct event);
	if (!e) return 0;
	__builtin_memset(e, 0, sizeof(*e));
	e->number = arg; e->cookie = 0xffff888000000001; e->error = -13; e->took = 1500; e->list[1] = 2; e->secret = 42;
	__builtin_memcpy(&e->key, &key, sizeof(key));
	skep_submit(e);
	return 0;
}`;

async function started(producer: Producer, url: string, more: Partial<OtlpSinkOptions>, sinks: Sink[] = []) {
  const bytes = await build(SOURCE);
  const env = {
    OTEL_BLRP_SCHEDULE_DELAY: '20',
    OTEL_RESOURCE_ATTRIBUTES: 'service.name=mine,team=a',
    ...more.env,
  };
  const sink = new OtlpSink({ url, version: '9.9', metricIntervalMs: 60_000, ...more, env });
  const run = await startRun({
    name: 'calls',
    objects: [{ name: 'calls.o', bytes }],
    params: { target_pid: String(producer.pid) },
    intervalMs: 100,
    histBuckets: ['hist_took_us,[500,1000,2000]'],
    sinks: [sink, ...sinks],
  });
  return { run, sink };
}

/** `{a: {intValue: '1'}}` of a list of attributes. */
function attributes(list: Decoded[]): Record<string, Decoded> {
  return Object.fromEntries((list ?? []).map(({ key, value }) => [key, value]));
}

function byCut(a: Decoded, b: Decoded): number {
  return Number(attributes(a.attributes).cut.boolValue) - Number(attributes(b.attributes).cut.boolValue);
}

/** The points of a metric in one request. */
function points(tree: Decoded, name: string): Decoded[] {
  const metrics = tree.resourceMetrics.flatMap((r: Decoded) =>
    r.scopeMetrics.flatMap((s: Decoded) => s.metrics),
  );
  const found = metrics.find((m: Decoded) => m.name === name);
  return found ? (found.sum ?? found.gauge ?? found.histogram).dataPoints : [];
}

test('what the kernel counted and wrote arrives through a real receiver, with types, units and times', {
  skip,
}, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-otlp-'));
  t.after(() => rmSync(dir, { recursive: true }));
  await using receiver = await OtlpReceiver.start();
  await using rotel = await Rotel.start(receiver.url, dir);
  using producer = new Producer();
  const metrics = new MetricsServer({ port: 0, required: true });
  const before = Date.now();
  const { run, sink } = await started(producer, rotel.url, {}, [metrics]);
  await producer.produce(100, 2);
  await run.series.refresh();
  ok(metrics.status.listening);
  const scraped = await (await fetch(metrics.status.url)).text();
  const summary = await run.stop();
  deepEqual(
    summary.exports.map(({ signal, handedIn, delivered }) => [signal, handedIn === delivered]),
    [
      ['logs', true],
      ['metrics', true],
    ],
  );
  adds(sink.exports());
  let logs: Decoded[] = [];
  await receiver.untilRead(async () => {
    logs = (await decoded(receiver.of('logs'))).flatMap((tree) =>
      tree.resourceLogs.flatMap((r: Decoded) => r.scopeLogs.flatMap((l: Decoded) => l.logRecords)),
    );
    return logs.length >= summary.exports[0]!.delivered;
  });
  equal(logs.length, summary.exports[0]!.delivered);

  const calls = logs.filter((l) => l.eventName === 'calls.calls');
  equal(calls.length, 100);
  const of = attributes(calls[1].attributes);
  deepEqual(of, {
    number: { intValue: '1' },
    // An integer of OTLP's has a sign.
    cookie: { stringValue: String(0xffff888000000001n) },
    error: { intValue: '-13' },
    took: { intValue: '1500' },
    'key.peer.addr': { stringValue: '10.0.0.1' },
    'key.peer.port': { intValue: '80' },
    'key.name': { stringValue: 'web' },
    'key.cut': { boolValue: true },
    list: { arrayValue: { values: [{ intValue: '0' }, { intValue: '2' }] } },
  });
  const at = Number(calls[0].timeUnixNano) / 1e6;
  ok(at >= before && at <= Date.now(), `${at}`);
  const last = logs.filter((l) => l.eventName === 'calls.last');
  deepEqual(attributes(last[0].attributes), { key: { intValue: '0' }, value: { intValue: '1500' } });

  await receiver.until(() => receiver.of('metrics').length > 0);
  const [tree] = await decoded(receiver.of('metrics'));
  const resource = attributes(tree.resourceMetrics[0].resource.attributes);
  deepEqual(
    [resource['service.name'], resource.team, resource['service.version']],
    [{ stringValue: 'mine' }, { stringValue: 'a' }, { stringValue: '9.9' }],
  );
  const seen = points(tree, 'skep.seen.calls');
  deepEqual(
    seen
      .toSorted(byCut)
      .map((p) => [attributes(p.attributes)['peer.addr'], attributes(p.attributes).cut, p.asInt]),
    [
      [{ stringValue: '10.0.0.1' }, { boolValue: false }, '50'],
      [{ stringValue: '10.0.0.1' }, { boolValue: true }, '50'],
    ],
  );
  const start = Number(seen[0].startTimeUnixNano) / 1e6;
  ok(start >= before && start < at, 'counts since before the first event');
  const level = points(tree, 'skep.level')[0];
  equal(level.asDouble, 1.5);
  const [took] = points(tree, 'skep.took');
  deepEqual(
    [took.count, took.sum, took.bucketCounts, took.explicitBounds],
    ['100', 0.1, ['0', '100', '0', '0'], [0.0005, 0.001, 0.002]],
  );
  deepEqual(
    prometheusNames(tree).filter((n) => !n.startsWith('skep_run_otlp')),
    familiesIn(scraped),
  );
});

/** As OpenTelemetry's specification turns names: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/ */
function prometheusNames(tree: Decoded): string[] {
  const metrics = tree.resourceMetrics[0].scopeMetrics[0].metrics as Decoded[];
  const units: Record<string, string> = { s: '_seconds', By: '_bytes' };
  return metrics
    .map((m) => {
      const name = m.name.replaceAll('.', '_');
      const unit = units[m.unit] ?? '';
      return `${name}${name.endsWith(unit) ? '' : unit}${m.sum?.isMonotonic ? '_total' : ''}`;
    })
    .sort();
}

function familiesIn(text: string): string[] {
  return [...text.matchAll(/^# TYPE (\S+)/gm)]
    .map((m) => m[1]!)
    .filter((n) => !n.startsWith('skep_run_otlp'))
    .sort();
}

test('labels that leave and come again begin a new count', { skip }, async () => {
  await using receiver = await OtlpReceiver.start();
  using producer = new Producer();
  const { run } = await started(producer, receiver.url, { metricIntervalMs: 200 });
  await producer.produce(10, 1);
  const calls = async () =>
    (await decoded(receiver.of('metrics'))).map((tree) => points(tree, 'skep.seen.calls'));
  const until = (what: (all: Decoded[][]) => boolean) => receiver.untilRead(async () => what(await calls()));
  await until((all) => all.at(-1)?.[0]?.asInt === '10');
  // The eighth of eight is the one that takes its key away; before it come four and three.
  await producer.produce(8, 8);
  await until((all) => all.at(-1)?.length === 1 && all.at(-1)![0].asInt === '14');
  await producer.produce(2, 2);
  await until((all) => all.at(-1)?.length === 2 && all.at(-1)!.some((p) => p.asInt === '15'));
  await run.stop();
  const last = (await calls()).at(-1)!;
  const rows = last.toSorted(byCut);
  deepEqual(
    rows.map((p) => p.asInt),
    ['15', '1'],
  );
  const [old, again] = rows.map((p) => BigInt(p.startTimeUnixNano));
  ok(again! - old! >= 200_000_000n, 'since the collection before it was there');
});

test('a dead receiver changes nothing for the others, and the summary says what was lost', {
  skip,
}, async () => {
  using producer = new Producer();
  const troubles: string[] = [];
  const collect = new Collect();
  const env = { OTEL_BLRP_MAX_QUEUE_SIZE: '512' };
  const more = {
    env,
    metricIntervalMs: 50,
    onTrouble: (text: string) => void troubles.push(text),
    finishMs: 300,
  };
  // Port 1 of loopback: nobody listens.
  const { run } = await started(producer, 'http://127.0.0.1:1', more, [collect]);
  for (let i = 0; i < 20; i++) {
    await producer.produce(250, 2);
    await collect.until((i + 1) * 250);
  }
  const summary = await run.stop();
  const [logs, metrics] = summary.exports;
  adds(summary.exports);
  equal(collect.records.length, 5000);
  deepEqual(
    summary.lost.filter((l) => l.count > 0),
    [],
  );
  // The rows of print_last are among them.
  ok(logs!.handedIn >= 5000 && logs!.delivered === 0 && logs!.waiting === 0, JSON.stringify(logs));
  ok(logs!.lost.queue_full > 3000 && logs!.lost.shutdown > 0, JSON.stringify(logs));
  equal(metrics!.delivered, 0);
  equal(troubles.length, 2);
  match(
    troubles[0]!,
    /^OTLP (logs|metrics): http:\/\/127\.0\.0\.1:1\/v1\/(logs|metrics): connection refused$/,
  );
});

test('switched off by the environment it sends nothing and says so', { skip }, async () => {
  await using receiver = await OtlpReceiver.start();
  using producer = new Producer();
  const troubles: string[] = [];
  const env = { OTEL_SDK_DISABLED: 'true' };
  const { run } = await started(producer, receiver.url, {
    env,
    onTrouble: (text) => void troubles.push(text),
  });
  await producer.produce(10, 1);
  const summary: Awaited<Run['closed']> = await run.stop();
  deepEqual([summary.exports, receiver.requests.length], [[], 0]);
  match(troubles[0]!, /switched off/);
});
