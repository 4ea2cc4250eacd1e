// Dashboards made of a probe's metrics: each panel against a real Prometheus that scraped the probe.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { MetricsServer, metricsOf, startRun } from '@skep/runtime';
import { rulesFile } from '../packages/cli/src/generate/rules.ts';
import { Sandbox } from '../packages/cli/test/harness.ts';
import { startPrometheus, until } from '../scripts/lib/services.ts';
import { ask, checkModel, type Dashboard } from './support/dashboard.ts';

const source = `#include "skep.h"
#ifdef __TARGET_ARCH_x86
#define UMASK 95
#else
#define UMASK 166
#endif
SKEP_PARAM(__u32, target_pid, 0, "only this process");
struct who { char comm[16]; };
struct took { char comm[16]; duration_ns took; };
SKEP_HASH(counter_calls, struct who, __u64, 64) SKEP_HELP("Calls of umask.");
SKEP_HASH(counter_moved, __u32, bytes_t, 64) SKEP_HELP("Bytes moved.");
SKEP_HASH(gauge_mask, struct who, __u64, 64) SKEP_HELP("The mask.");
SKEP_RINGBUF(hist_took, struct took, 65536) SKEP_HELP("How long it took.");
SEC("raw_tp/sys_enter")
int on_enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct who who = {};
	struct took *t;
	__u64 mask = 18;
	__u32 zero = 0;
	if (ctx->args[1] != UMASK || !target_pid || target_pid != bpf_get_current_pid_tgid() >> 32)
		return 0;
	bpf_get_current_comm(who.comm, sizeof(who.comm));
	skep_add(&counter_calls, &who, 1);
	skep_add(&counter_moved, &zero, 512);
	bpf_map_update_elem(&gauge_mask, &who, &mask, BPF_ANY);
	t = skep_reserve(hist_took, struct took);
	if (t) {
		__builtin_memcpy(t->comm, who.comm, sizeof(t->comm));
		t->took = 15;
		skep_submit(t);
	}
	return 0;
}
char LICENSE[] SEC("license") = "Dual BSD/GPL";
`;

const box = new Sandbox();
const needsRoot = { skip: process.getuid?.() === 0 ? false : 'loading BPF needs root' };
let object: Uint8Array;
let text = '';
before(async () => {
  writeFileSync(box.path('calls.c'), source);
  await box.ok(['build', 'calls.c', 'calls:1', '--output-file', 'calls.o']);
  object = readFileSync(box.path('calls.o'));
  text = await box.ok(['generate', 'dashboards', 'calls:1']);
});
after(() => box[Symbol.dispose]());

test('a probe without a dashboard gets one of its metrics, each shown as its kind is, and always the same', async () => {
  const dashboard = JSON.parse(text) as Dashboard;
  checkModel(dashboard);
  assert.equal(text, await box.ok(['generate', 'dashboards', 'calls:1']));
  assert.deepEqual(
    dashboard.panels.map((p) => `${p.type}: ${p.title}`),
    [
      'timeseries: Calls of umask, a second',
      'timeseries: Bytes moved, a second',
      'timeseries: The mask',
      'timeseries: How long it took, quantiles',
      'heatmap: How long it took, distribution',
      'timeseries: How long it took, p99 of each',
      'timeseries: How long it took, how often a second',
      'row: What skep says of the run',
      'timeseries: Events read, a second',
      'timeseries: Events lost, a second',
      'timeseries: Processor time',
      'timeseries: Series held',
    ],
  );
  const metrics = metricsOf([{ name: 'calls.o', bytes: object }]);
  assert.deepEqual(
    metrics.map((m) => `${m.type} ${m.name} ${m.labels} ${m.unit}`),
    [
      'counter skep_calls_total comm ',
      'counter skep_moved_bytes_total key bytes',
      'gauge skep_mask comm ',
      'histogram skep_took_seconds comm seconds',
    ],
  );
});

test('every panel of it shows what a Prometheus scraped', needsRoot, async () => {
  const metrics = new MetricsServer({ port: 0, required: true });
  const run = await startRun({
    name: 'calls',
    objects: [{ name: 'calls.o', bytes: object }],
    params: { target_pid: String(process.pid) },
    sinks: [metrics],
  });
  const calling = setInterval(() => process.umask(0o22), 50);
  try {
    assert.ok(metrics.status.listening);
    const target = `127.0.0.1:${metrics.status.port}`;
    await using prometheus = await startPrometheus(box.path('prometheus'), [target], '250ms');
    const dashboard = JSON.parse(text) as Dashboard;
    const shown = await until(
      'each panel to have data',
      async () => {
        const all = await ask(prometheus.address, dashboard);
        const full = all.every(
          (s) =>
            s.panel.startsWith('Events lost') ||
            (s.values.length > 0 && s.values.some((v) => !Number.isNaN(v))),
        );
        return full ? all : undefined;
      },
      60_000,
    );
    const of = (panel: string) => shown.filter((s) => s.panel === panel).map((s) => s.values.at(-1)!);
    assert.deepEqual(of('The mask'), [18]);
    const [rate = 0] = of('Calls of umask, a second');
    assert.ok(rate > 0 && rate < 40, `some 20 calls a second, ${rate}`);
    const quantiles = of('How long it took, quantiles');
    assert.equal(quantiles.length, 3);
    assert.ok(
      quantiles.every((q) => q > 0 && q <= 20e-9),
      `15 ns in base units, ${quantiles}`,
    );
  } finally {
    clearInterval(calling);
    await run.stop();
  }
});

test('several dashboards go into a folder; rules that do not go together are told apart', async () => {
  const panels = (title: string) => JSON.stringify({ title, panels: [] });
  writeFileSync(box.path('a.json'), panels('a'));
  writeFileSync(box.path('b.json'), panels('b'));
  writeFileSync(box.path('one.yaml'), 'groups:\n  # Why.\n  - {name: skep-several, rules: []}\n');
  writeFileSync(box.path('two.yaml'), 'x: &e {record: y, expr: "1"}\ngroups: [{name: two, rules: [*e]}]\n');
  const about =
    'name: several\nsources: [calls.o]\ndashboards: [a.json, b.json]\nrules: [one.yaml, two.yaml]\n';
  writeFileSync(box.path('skep.yaml'), about);
  await box.ok(['build', '.', 'several:1']);
  await box.fails(2, /several:1 carries 2 dashboards\n {2}Name a folder/, [
    'generate',
    'dashboards',
    'several:1',
  ]);
  const written = await box.ok(['generate', 'dashboards', 'several:1', '-o', 'out']);
  assert.equal(written, 'out/a.json\nout/b.json\n');
  assert.equal(readFileSync(box.path('out/b.json'), 'utf8'), panels('b'));
  const rules = await box.ok(['generate', 'rules', 'several:1']);
  assert.match(rules, /# Why\.\n {2}- (\{ *)?name: skep-several-2\b/);
  assert.match(rules, /record: y/);
  for (const carried of ['a: 1', 'groups: {}', ': [', ''])
    assert.throws(() => rulesFile('job', [{ name: 'x.yaml', text: carried }]), {
      code: 'SKEP_IMAGE_INVALID',
      message: /^x\.yaml, which the image carries, is no file/,
    });
});
