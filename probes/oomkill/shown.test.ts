// What oomkill's image carries for Grafana and Prometheus, against a real Prometheus that scraped it while processes were killed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { MetricsServer, startRun } from '@skep/runtime';
import { parse } from 'yaml';
import { Sandbox } from '../../packages/cli/test/harness.ts';
import { startPrometheus, until } from '../../scripts/lib/services.ts';
import { ask, checkModel, type Dashboard } from '../../test/support/dashboard.ts';
import { fixture } from '../../test/support/fixtures.ts';
import { runIn, testCgroup } from '../support/cgroup.ts';
import { skip } from '../support/skip.ts';

const box = new Sandbox();
const here = import.meta.dirname;
before(() => box.ok(['build', here, 'oomkill:1']));
after(() => box[Symbol.dispose]());

test('every panel shows what a Prometheus scraped while the kernel killed', { skip }, async () => {
  const text = await box.ok(['generate', 'dashboards', 'oomkill:1']);
  assert.equal(text, readFileSync(join(here, 'dashboard.json'), 'utf8'), 'as the image carries it');
  const dashboard = JSON.parse(text) as Dashboard;
  checkModel(dashboard);
  using cgroup = testCgroup(32 * 1024 * 1024);
  const metrics = new MetricsServer({ port: 0, required: true });
  const run = await startRun({
    name: 'oomkill',
    objects: [{ name: 'oomkill.o', bytes: await fixture(new URL('./oomkill.c', import.meta.url)) }],
    params: { target_cgroup: cgroup.path },
    sinks: [metrics],
  });
  try {
    assert.ok(metrics.status.listening);
    const target = `127.0.0.1:${metrics.status.port}`;
    await using prometheus = await startPrometheus(box.path('prometheus'), [target], '250ms');
    for (let n = 0; n < 3; n++) await runIn(cgroup, 'tail', '/dev/zero');
    assert.equal(cgroup.oomKills(), 3);
    const shown = await until(
      'each panel to have data',
      async () => {
        const all = await ask(prometheus.address, dashboard);
        const full = all.every((s) => s.values.length > 0 || s.panel === 'Kills that were lost');
        return full && all.some((s) => s.panel === 'Processes killed' && s.values[0] === 3) ? all : undefined;
      },
      60_000,
    );
    const of = (panel: string) => shown.find((s) => s.panel === panel)?.values;
    assert.deepEqual(of('Kills so far, by command'), [3]);
    assert.deepEqual(of('Who was killed'), [3], 'a series that began with the first kill counts from it');
    assert.deepEqual(of('Nodes with a kill'), [1]);
  } finally {
    await run.stop();
  }
});

test('promtool takes the rules of the image beside those of every run, and each fires when it should', async () => {
  const file = box.path('rules.yaml');
  writeFileSync(file, await box.ok(['generate', 'rules', 'oomkill:1', '--name', 'oomkill']));
  const checked = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
  assert.match(checked.stdout, /SUCCESS: 6 rules found/, checked.stderr);
  const { groups } = parse(readFileSync(file, 'utf8')) as {
    groups: { name: string; rules: { alert: string; annotations: Record<string, string> }[] }[];
  };
  assert.deepEqual(
    groups.map((g) => g.name),
    ['oomkill', 'oomkill-2'],
  );
  const kills = (comm: string, values: string) => ({
    series: `skep_oom_kills_total{job="oomkill",instance="a",comm="${comm}"}`,
    values,
  });
  const series = [
    kills('old', '7x130'),
    kills('first', '_x60 1x70'),
    kills('again', '2x60 3x70'),
    kills('loop', '0x60 1 2 3 4 5 5x65'),
    // The probe began anew, and so did its counter.
    kills('restarted', '9x60 1x70'),
  ];
  const fired = (alertname: string, severity: string, at: string, ...comms: string[]) => ({
    eval_time: at,
    alertname,
    exp_alerts: comms.map((comm) => {
      const { annotations } = groups[1]!.rules.find((r) => r.alert === alertname)!;
      const exp = Object.entries(annotations).map(([k, v]) => [
        k,
        v.replace('{{ $labels.comm }}', comm).replace('{{ $labels.instance }}', 'a'),
      ]);
      return {
        exp_labels: { job: 'oomkill', instance: 'a', comm, severity },
        exp_annotations: Object.fromEntries(exp),
      };
    }),
  });
  const alerts = [
    fired('OomKill', 'warning', '30m'),
    fired('OomKill', 'warning', '1h6m', 'first', 'again', 'loop', 'restarted'),
    fired('OomKill', 'warning', '2h'),
    fired('OomKillAgainAndAgain', 'critical', '1h6m', 'loop'),
    fired('OomKillAgainAndAgain', 'critical', '30m'),
  ];
  const tests = [{ interval: '1m', input_series: series, alert_rule_test: alerts }];
  const testFile = box.path('test.yaml');
  writeFileSync(testFile, JSON.stringify({ rule_files: [file], tests }));
  const tested = spawnSync('promtool', ['test', 'rules', testFile], { encoding: 'utf8' });
  assert.equal(tested.status, 0, tested.stderr + tested.stdout);
  // And the oracle can say no.
  alerts[1]!.exp_alerts.pop();
  writeFileSync(testFile, JSON.stringify({ rule_files: [file], tests }));
  assert.notEqual(spawnSync('promtool', ['test', 'rules', testFile]).status, 0);
});
