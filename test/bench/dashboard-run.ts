// Run by dashboard.test.ts in a network namespace of its own: a server, skep, VictoriaMetrics, requests one after the
// other; prints what each panel of the benchmark's dashboard shows.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countedExactly, startAgent } from '../../bench/flora/lib/agent.ts';
import { drawPanel, show } from '../../bench/flora/lib/dashboard.ts';
import { AGENT, API, CONTROL, root, VICTORIA } from '../../bench/flora/lib/place.ts';
import { startServer, told } from '../../bench/flora/lib/server.ts';
import { startVictoria } from '../../bench/flora/lib/victoria.ts';
import { until } from '../../scripts/lib/services.ts';

const dir = mkdtempSync(join(tmpdir(), 'skep-dashboard-'));
process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
const place = { dir, quick: true, rounds: 1, seconds: 4, [Symbol.dispose]: () => undefined };
const from = Date.now() / 1000;
const targets = [
  { job: 'server', address: CONTROL },
  { job: 'skep', address: AGENT },
];
await using _victoria = await startVictoria(dir, VICTORIA, targets);
const command = [process.execPath, join(root, 'bench/flora/apps/node/server.js')];
await using server = await startServer(place, { name: 'node', command, beside: 'skep' });
await using _agent = await startAgent(place, { pid: server.pid, port: 8080 });

/**
 * Stands in for k6, which is no part of a test's packages: the names and types that k6 1.8.1 writes by remote write. The
 * benchmark's own part "dashboard" asks the same panels with the real one.
 */
async function asK6(sent: number): Promise<void> {
  const lines = ['p50', 'p95', 'p99'].map((q) => `k6_http_req_duration_${q} 0.001`);
  lines.push(`k6_http_reqs_total ${sent}`, 'k6_dropped_iterations_total 0');
  const answer = await fetch(`http://${VICTORIA}/api/v1/import/prometheus`, {
    method: 'POST',
    body: lines.join('\n'),
  });
  assert.ok(answer.ok);
}

let sent = 0;
async function some(): Promise<void> {
  for (let i = 0; i < 20; i++, sent++) {
    const answer = await fetch(`http://${API}/api?objects=2&tasks=0&gzip=${i % 2}`);
    assert.equal(answer.status, 200);
    await answer.arrayBuffer();
  }
  await asK6(sent);
}

// A rate needs two samples, which scrapes a second apart bring; a panel that stays empty is named below.
const full = async () => {
  await some();
  const shown = await show(VICTORIA, from, Date.now() / 1000);
  return shown.every(({ panel, lines }) => lines.length >= panel.targets.length) ? shown : undefined;
};
const last = await until('every panel to have data', full, 40_000).catch(() =>
  show(VICTORIA, from, Date.now() / 1000),
);
assert.equal((await told()).answered, sent);
await countedExactly(0, sent);
const out = last.map((shown) => ({
  title: shown.panel.title,
  targets: shown.panel.targets.length,
  legends: shown.lines.map((line) => line.legend),
  finite: shown.lines.filter((line) => line.points.some(([, v]) => Number.isFinite(v))).length,
  picture: shown.lines.length > 0 && drawPanel(shown).startsWith('<svg'),
}));
console.log(JSON.stringify({ sent, out }));
