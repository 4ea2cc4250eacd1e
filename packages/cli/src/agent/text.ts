import type { AgentStatus, ServiceInfo, SpanInfo, Watch } from '@skep/agent';
import { few, fullName, timeOfDay } from '@skep/agent/client';
import { renderTable } from '../output/table.ts';

/** A table of services, busiest first. */
export function servicesTable(services: readonly ServiceInfo[]): string {
  if (services.length === 0) return 'No requests have been seen yet.\n';
  const rows = services.map((s) => {
    const side = s.server.requests > 0 ? s.server : s.client;
    return [
      fullName(s.name, s.namespace),
      s.language ?? '',
      few(s.ports.map(String), 4, ','),
      rate(s.server.rate),
      rate(s.client.rate),
      side.errorRate > 0 ? rate(side.errorRate) : '',
      ...[side.p50, side.p95, side.p99].map(duration),
      String(s.server.requests + s.client.requests),
      few(s.calledBy, 3, ', '),
    ];
  });
  return renderTable(
    ['SERVICE', 'LANGUAGE', 'PORT', 'IN/S', 'OUT/S', 'ERR/S', 'P50', 'P95', 'P99', 'REQUESTS', 'CALLED BY'],
    rows,
  );
}

/** A line a span, newest last. */
export function tracesTable(spans: readonly SpanInfo[]): string {
  return spans.length === 0
    ? 'No spans have been taken yet.\n'
    : spans.map((s) => `${spanLine(s)}\n`).join('');
}

/** `12:00:01.123 GET /users/{id} 200 1.2ms  shop ← curl` */
export function spanLine(s: SpanInfo): string {
  const arrow = s.role === 'client' ? '→' : '←';
  const result = s.status ?? s.error ?? '';
  const why = s.reason === 'sample' ? '' : `  (${s.reason})`;
  const peer = s.peer === undefined ? '' : ` ${arrow} ${s.peer}`;
  return `${timeOfDay(s.time)} ${fullName(s.service, s.namespace)}${peer}  ${s.method} ${s.route} ${result} ${duration(s.durationMs)}${why}`;
}

/** What is watched, in the words of the flags; empty for everything. */
export function watchedText(watched: Watch | AgentStatus['watched']): string {
  return Object.entries(watched)
    .filter(([, values]) => values?.length > 0)
    .map(([what, values]) => `${what} ${values.join(', ')}`)
    .join('; ');
}

/** What runs, what is lost, what cannot be seen. */
export function statusText(s: AgentStatus): string {
  const lines: string[] = [];
  const add = (name: string, text: string) => lines.push(`${name.padEnd(16)}${text}`);
  add('agent', `${s.version}, process ${s.pid}, for ${duration(s.uptimeSeconds * 1000)}`);
  add('watches', watchedText(s.watched) || 'everything on this machine');
  for (const h of s.hooks)
    add('hook', `${h.group}: ${h.taken ?? `none${h.without ? ` (${h.without})` : ''}`}`);
  add('self-check', selfCheckText(s.selfCheck));
  add('counted', `${s.requests} requests of ${s.services} services`);
  const reasons = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .filter(([, n]) => n > 0)
      .map(([reason, n]) => `${reason} ${n}`)
      .join(', ') || 'nothing';
  add('not counted', reasons(s.notCounted));
  add('unseen bytes', reasons(s.unseenBytes));
  add('not told apart', reasons(s.notToldApart));
  add('skipped', s.missed.map((m) => `${m.program} ${m.count}`).join(', ') || 'nothing');
  add('lost', s.lost.map((l) => `${l.map} ${l.reason} ${l.count}`).join(', ') || 'nothing');
  add(
    'spans',
    `${s.spans.taken} taken, ${s.spans.held} held back${s.spans.left > 0 ? `, ${s.spans.left} left to services that export their own` : ''}`,
  );
  add(
    'room',
    Object.entries(s.fill)
      .map(([name, f]) => `${name.replaceAll('_', ' ')} ${f.used}/${f.capacity}`)
      .join(', '),
  );
  for (const e of s.exports)
    add(
      'otlp',
      `${e.signal} to ${e.url}: ${e.delivered} delivered, ${reasons(e.lost)} lost, ${e.waiting} waiting${e.lastError === undefined ? '' : `; last told: ${e.lastError}`}`,
    );
  add(
    'costs',
    `${s.budget.usedPercent.toFixed(1)} % of a processor${s.budget.percent === undefined ? '' : ` of ${s.budget.percent} %`}, ${Math.round(s.residentBytes / 2 ** 20)} MiB${s.budget.limiting ? '; over its budget: fewer spans' : ''}`,
  );
  for (const [what, where] of Object.entries(s.listens)) add(what, where);
  for (const what of s.unseen) add('cannot see', what);
  for (const note of s.notes) add('note', note);
  return `${lines.join('\n')}\n`;
}

function selfCheckText(c: AgentStatus['selfCheck']): string {
  if (c.state === 'waiting') return 'under way';
  const times = `${c.passed} passed, ${c.failed} failed`;
  return c.state === 'passed' ? `passed (${times})` : `FAILED: ${c.reason} (${times})`;
}

function rate(n: number): string {
  return n === 0 ? '' : n < 9.95 ? n.toFixed(1) : String(Math.round(n));
}

/** Of milliseconds; NaN and null (as JSON has it) are no time. */
export function duration(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return '';
  if (ms < 1) return `${Math.round(ms * 1000)}µs`;
  if (ms < 10) return `${ms.toFixed(1)}ms`;
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)}s`;
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60
    ? `${minutes}m${Math.floor((ms % 60_000) / 1000)}s`
    : `${Math.floor(minutes / 60)}h${minutes % 60}m`;
}
