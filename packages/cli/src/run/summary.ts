import type { ExportStats, RunSummary } from '@skep/runtime';
import { toJson } from '../output/template.ts';

const why: Partial<Record<RunSummary['reason'], string>> = {
  read: 'all is read',
  timeout: 'time is up',
  'max-events': 'enough events',
  'output-closed': 'nobody reads any more',
};

/** What is said on stderr at the end: how long, how many, what was lost and what it cost. */
export function summaryText(name: string, s: RunSummary): string {
  const events = Object.values(s.events).reduce((sum, n) => sum + n, 0);
  const lost = s.lost.reduce((sum, l) => sum + l.count, 0);
  const runs = s.programs.reduce((sum, p) => sum + p.runs, 0n);
  const runTimeNs = s.programs.reduce((sum, p) => sum + p.runTimeNs, 0n);
  const parts = [`${grouped(events)} events`, lostText(lost, s.lossUnknown.length > 0)];
  if (s.series > 0) parts.push(`${grouped(s.series)} series`);
  if (runs > 0n) parts.push(`probe ran ${grouped(runs)} times (${average(runTimeNs, runs)} each)`);
  if (s.elapsedMs >= 1000) parts.push(`skep ${(s.ownCpuUs / 10 / s.elapsedMs).toFixed(1)} % CPU`);
  const reason = why[s.reason];
  const head = `${name}: ${(s.elapsedMs / 1000).toFixed(1)} s${reason ? ` (${reason})` : ''}, ${parts.join(', ')}`;
  const losses = s.lost
    .filter((l) => l.count > 0)
    .map((l) => `  lost in ${l.map}: ${grouped(l.count)} (${l.reason})`);
  const full = s.lossUnknown
    .filter((map) => (s.foundFull[map] ?? 0) > 0)
    .map(
      (map) =>
        `  ${map} was found full ${times(s.foundFull[map]!)}: events were probably lost, the probe does not count them`,
    );
  const evictions = s.evictionsUnknown.map(
    (map) => `  evictions unknown: ${map} was so full that the kernel may have forgotten entries, uncounted`,
  );
  const missed = s.missed.map(
    (m) =>
      `  ${m.program} did not run ${times(m.count)} (${m.reason === 'hook' ? 'missed by its kprobe' : 'something was running already'})`,
  );
  const unknown =
    s.missesUnknown.length > 0
      ? [`  misses unknown: this kernel does not count all that ${s.missesUnknown.join(', ')} missed`]
      : [];
  const exported = s.exports.flatMap(exportText);
  return [head, ...each(s), ...losses, ...full, ...evictions, ...missed, ...unknown, ...exported].join('\n');
}

/** Where several run together: a line each. */
function each(s: RunSummary): string[] {
  if (s.probes.length < 2) return [];
  return s.probes.map(({ name, maps, objects }) => {
    const own = new Set(maps);
    const events = Object.entries(s.events).reduce((sum, [map, n]) => (own.has(map) ? sum + n : sum), 0);
    const lost = s.lost.reduce((sum, l) => (own.has(l.map) ? sum + l.count : sum), 0);
    const unknown = s.lossUnknown.some((map) => own.has(map));
    const runs = s.programs.reduce((sum, p) => (objects.includes(p.object) ? sum + p.runs : sum), 0n);
    const ran = runs > 0n ? `, ran ${grouped(runs)} times` : '';
    return `  ${name}: ${grouped(events)} events, ${lostText(lost, unknown)}${ran}`;
  });
}

const ITEMS = { traces: 'spans', metrics: 'points', logs: 'records' } as const;

/** What became of what was sent by OTLP; nothing of a signal of which there was nothing. */
function exportText(e: ExportStats): string[] {
  if (e.handedIn === 0 && e.lastError === undefined) return [];
  const lost = Object.entries(e.lost).filter(([, n]) => n > 0);
  const parts = [`${grouped(e.delivered)} ${ITEMS[e.signal]} delivered`];
  parts.push(...lost.map(([reason, n]) => `${grouped(n)} lost (${reason})`));
  // A fault that was over in time is none any more.
  const wrong = lost.length > 0 || e.failing || e.handedIn === 0;
  const why = wrong && e.lastError !== undefined ? `; ${e.url}: ${e.lastError}` : '';
  return [`  OTLP ${e.signal}: ${parts.join(', ')}${why}`];
}

/**
 * The same for programs, `--summary`: one JSON object. `lost` is complete unless `loss_unknown` names the map, or
 * `evictions_unknown` one that may have forgotten entries; `missed`
 * (runs of programs) unless `misses_unknown` names the program.
 */
export function summaryJson(name: string, s: RunSummary): string {
  const summary = {
    probe: name,
    probes: s.probes,
    reason: s.reason,
    started_at: s.startedAt.toISOString(),
    seconds: s.elapsedMs / 1000,
    events: s.events,
    filtered: s.filtered,
    lost: s.lost.filter((l) => l.count > 0),
    loss_unknown: s.lossUnknown,
    found_full: s.foundFull,
    evictions_unknown: s.evictionsUnknown,
    missed: s.missed,
    misses_unknown: s.missesUnknown,
    programs: s.programStats
      ? s.programs.map((p) => ({
          program: p.name,
          object: p.object,
          section: p.section,
          also: p.also,
          runs: p.runs,
          run_time_ns: p.runTimeNs,
        }))
      : [],
    exports: s.exports.map((e) => ({
      signal: e.signal,
      url: e.url,
      handed_in: e.handedIn,
      delivered: e.delivered,
      lost: e.lost,
      requests: e.requests,
      retries: e.retries,
      last_error: e.lastError ?? null,
    })),
    decode_errors: s.decodeErrors,
    series: s.series,
    cpu_seconds: s.ownCpuUs / 1e6,
    notes: s.notes,
  };
  return `${toJson(summary as never, 2)}\n`;
}

/** Where a probe does not count what found no room, nobody knows that it was nothing. */
function lostText(lost: number, unknown: boolean): string {
  if (!unknown) return `${grouped(lost)} lost`;
  return lost === 0 ? 'losses not counted by the probe' : `at least ${grouped(lost)} lost`;
}

/** 1234567 as 1,234,567; toLocaleString would load ICU's tables first, 12 ms. */
function grouped(n: number | bigint): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

function average(total: bigint, runs: bigint): string {
  const ns = Number(total) / Number(runs);
  return ns < 1000 ? `${Math.round(ns)} ns` : `${(ns / 1000).toFixed(1)} µs`;
}

function times(n: number): string {
  return n === 1 ? 'once' : `${grouped(n)} times`;
}
