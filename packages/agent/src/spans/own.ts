import { exportsTraces, mayExportTraces } from '@skep/identity';
import type { Series } from '../series/series.ts';
import type { Span } from './spans.ts';

/** Exporters send what they have every few seconds: who has sent nothing for so long since its first request sends nothing. */
const TRIAL_MS = 60_000;
/** And who has sent something sends again, when there is something. */
const REMEMBER_MS = 600_000;

/** Where spans are posted: OTLP, Zipkin, Datadog. */
const RECEIVERS = /(?:^|\/)(?:v1\/traces|api\/v[12]\/spans|v\d\.\d\/traces)$/;

/**
 * Whether its process exports spans of its own, so that this one would be a double: it was seen to, or was told to. Of one that
 * could, its code has an exporter, the first minute decides. One that ended before anybody looked is as its service: of it
 * nothing is known that tells.
 *
 * @param now milliseconds of the agent's clock
 */
export function isDouble({ identity, service }: Pick<Span, 'identity' | 'service'>, now: number): boolean {
  if (now - service.exportedAt < REMEMBER_MS) return true;
  const sdks = identity && !identity.fromEvent ? identity.sdks : service.sdks;
  if (exportsTraces(sdks)) return true;
  return mayExportTraces(sdks) && now - (service.servedAt ?? now) < TRIAL_MS;
}

/** A request was counted: it may have carried spans. */
export function noteExports({ labels }: Series, now: number): void {
  const { service, role, method, route, status } = labels;
  if (!service) return;
  if (role === 'server') service.servedAt ??= now;
  // Zipkin's page asks for spans at the place that it is sent them at.
  if (!RECEIVERS.test(route) || (method !== 'POST' && method !== 'PUT')) return;
  // Scanners ask everybody.
  if (role === 'server' && status >= 200 && status < 300) service.takesSpans = true;
  if (role !== 'client' || service.takesSpans || status === 0 || status === 404) return;
  service.exportedAt = now;
  service.exportedBy = route;
}
