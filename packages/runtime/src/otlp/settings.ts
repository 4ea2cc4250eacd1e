import { readFileSync } from 'node:fs';
import { RuntimeError } from '../errors.ts';
import type { Attributes, Signal } from './data.ts';
import type { Encoding } from './encode.ts';
import { count, duration, flag, pairs, type Variables } from './variables.ts';

/** Where and how one signal is sent. */
export interface Destination {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** For one attempt, milliseconds. */
  readonly timeoutMs: number;
  readonly gzip: boolean;
  readonly encoding: Encoding;
  /** PEM of the certificates to trust, and of our own. */
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
}

/** Everything that can be set from outside. */
export interface OtlpSettings {
  /** A signal that is not here is not sent. */
  readonly destinations: Readonly<Partial<Record<Signal, Destination>>>;
  /** From OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME, for the resource that is skep itself. */
  readonly resource: Attributes;
  /** Between two collections of metrics, milliseconds. */
  readonly metricIntervalMs: number;
  readonly batches: Readonly<Record<'traces' | 'logs', BatchLimits>>;
}

/** When a batch of spans or log records goes, and how many may wait. */
export interface BatchLimits {
  readonly delayMs: number;
  readonly batchItems: number;
  readonly queueItems: number;
}

const SIGNALS: readonly Signal[] = ['traces', 'metrics', 'logs'];
const TEMPORALITY = 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE';
const DEFAULT_ENDPOINT = 'http://localhost:4318';

/**
 * Settings from a URL and the environment; undefined when OTEL_SDK_DISABLED says so or all signals are `none`.
 *
 * `url` is a base, as OTEL_EXPORTER_OTLP_ENDPOINT: `/v1/traces`, `/v1/metrics`, `/v1/logs` are added to its path. It wins over all
 * endpoints of the environment; the other variables hold beside it. The variables of a signal win over the general ones; those of
 * one that is not among `signals` are not looked at.
 *
 * Source: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ and
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 *
 * @throws RuntimeError SKEP_OTLP for a value that cannot be used
 */
export function otlpSettings(
  options: { url?: string; env?: Variables; metricIntervalMs?: number; signals?: readonly Signal[] } = {},
): OtlpSettings | undefined {
  const { url, env = process.env, signals = SIGNALS } = options;
  if (flag(env, 'OTEL_SDK_DISABLED')) return undefined;
  const wanted = signals.filter((s) => !off(env, s));
  if (wanted.length === 0) return undefined;
  // Who wants deltas could not read what we send, and would see nothing, or sums of sums.
  if (wanted.includes('metrics')) choice(TEMPORALITY, env[TEMPORALITY]?.trim() || undefined, ['cumulative']);
  return {
    destinations: Object.fromEntries(wanted.map((s) => [s, destination(s, url, env)])),
    resource: resourceOf(env),
    metricIntervalMs: options.metricIntervalMs ?? duration(env, 'OTEL_METRIC_EXPORT_INTERVAL', 60_000),
    batches: { traces: batchLimits(env, 'OTEL_BSP', 5000), logs: batchLimits(env, 'OTEL_BLRP', 1000) },
  };
}

/** Whether the environment asks for OTLP at all, for whoever has no flag for it. */
export function wantsOtlp(env: Variables = process.env): boolean {
  return ['', 'TRACES_', 'METRICS_', 'LOGS_'].some((s) => env[`OTEL_EXPORTER_OTLP_${s}ENDPOINT`]?.trim());
}

function off(env: Variables, signal: Signal): boolean {
  const name = `OTEL_${signal.toUpperCase()}_EXPORTER`;
  const exporters = (env[name] ?? '')
    .split(',')
    .map((e) => e.trim())
    .filter(Boolean);
  return exporters.length > 0 && !exporters.includes('otlp');
}

function destination(signal: Signal, url: string | undefined, env: Variables): Destination {
  const name = (what: string) => {
    const own = `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${what}`;
    return env[own]?.trim() ? own : `OTEL_EXPORTER_OTLP_${what}`;
  };
  const value = (what: string) => env[name(what)]?.trim() || undefined;
  const file = (what: string) => {
    const path = value(what);
    return path === undefined ? undefined : pem(name(what), path);
  };
  const to = endpoint(signal, url, env);
  const tls = { ca: file('CERTIFICATE'), cert: file('CLIENT_CERTIFICATE'), key: file('CLIENT_KEY') };
  return {
    url: to,
    headers: headers(env, name('HEADERS')),
    timeoutMs: duration(env, name('TIMEOUT'), 10_000),
    gzip: choice(name('COMPRESSION'), value('COMPRESSION'), ['none', 'gzip']) === 'gzip',
    encoding:
      choice(name('PROTOCOL'), value('PROTOCOL'), ['http/protobuf', 'http/json']) === 'http/json'
        ? 'json'
        : 'protobuf',
    tls: to.protocol === 'https:' ? checked(tls, name) : {},
  };
}

/** Certificates and key are those that they are said to be: of a wrong one Node throws while it connects, a wrong CA it passes over. */
function checked({ ca, cert, key }: Destination['tls'], name: (what: string) => string): Destination['tls'] {
  const fail = (what: string, why: string) =>
    new RuntimeError('SKEP_OTLP', `${name(what)}: ${why}`, 'It names a PEM file.');
  const { X509Certificate, createPrivateKey } = process.getBuiltinModule('node:crypto');
  const read = <T>(what: string, text: Buffer, as: (pem: Buffer) => T, name: string): T => {
    try {
      return as(text);
    } catch {
      throw fail(what, `there is no ${name} in the file`);
    }
  };
  const certificate = (what: string, text: Buffer) =>
    read(what, text, (pem) => new X509Certificate(pem), 'certificate');
  if (ca !== undefined) certificate('CERTIFICATE', ca);
  if (cert === undefined && key === undefined) return { ca };
  if (key === undefined) throw fail('CLIENT_KEY', 'a client certificate needs its key');
  if (cert === undefined) throw fail('CLIENT_CERTIFICATE', 'a client key needs its certificate');
  const own = certificate('CLIENT_CERTIFICATE', cert);
  const secret = read('CLIENT_KEY', key, createPrivateKey, 'private key without a passphrase');
  if (!own.checkPrivateKey(secret))
    throw fail('CLIENT_KEY', `it is not the key of ${name('CLIENT_CERTIFICATE')}`);
  return { ca, cert, key };
}

function headers(env: Variables, name: string): Record<string, string> {
  const given = pairs(env, name);
  const { validateHeaderName, validateHeaderValue } = process.getBuiltinModule('node:http');
  for (const [key, value] of Object.entries(given)) {
    try {
      validateHeaderName(key);
      validateHeaderValue(key, value);
    } catch {
      // The value may be a secret.
      throw new RuntimeError(
        'SKEP_OTLP',
        `${name}: ${JSON.stringify(key)} or its value cannot be a header`,
        'Write name1=value1,name2=value2; other characters than letters, digits and - are percent-encoded.',
      );
    }
  }
  return given;
}

/** The general endpoint is a base to which a path is added; that of a signal is used as it is. */
function endpoint(signal: Signal, flagged: string | undefined, env: Variables): URL {
  const ownName = `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`;
  const own = env[ownName]?.trim();
  if (flagged === undefined && own) return parsed(ownName, own);
  const general = env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim() || DEFAULT_ENDPOINT;
  const base =
    flagged === undefined ? parsed('OTEL_EXPORTER_OTLP_ENDPOINT', general) : parsed('--otlp', flagged);
  base.pathname = `${base.pathname.replace(/\/+$/, '')}/v1/${signal}`;
  return base;
}

function parsed(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) {
    try {
      decodeURIComponent(url.username + url.password);
      return url;
    } catch {
      // Neither of them is told.
      throw new RuntimeError(
        'SKEP_OTLP',
        `${name}: user or password has a % that begins no %XX`,
        'Write a percent sign as %25.',
      );
    }
  }
  throw new RuntimeError(
    'SKEP_OTLP',
    `${name}: "${text}" is not an http or https URL`,
    'For example http://127.0.0.1:4318; OTLP over gRPC (port 4317) is not spoken.',
  );
}

function choice(name: string, value: string | undefined, choices: readonly string[]): string {
  if (value === undefined) return choices[0]!;
  if (choices.includes(value.toLowerCase())) return value.toLowerCase();
  throw new RuntimeError('SKEP_OTLP', `${name}: "${value}" is not spoken`, `Write ${choices.join(' or ')}.`);
}

function pem(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new RuntimeError(
      'SKEP_OTLP',
      `${name}: ${path} cannot be read (${(cause as NodeJS.ErrnoException).code})`,
      'It names a PEM file.',
      cause,
    );
  }
}

/** OTEL_SERVICE_NAME wins over a `service.name` among the attributes. */
function resourceOf(env: Variables): Attributes {
  const service = env.OTEL_SERVICE_NAME?.trim();
  const given = pairs(env, 'OTEL_RESOURCE_ATTRIBUTES');
  return service ? { ...given, 'service.name': service } : given;
}

/** OpenTelemetry's SDK lets 2,048 wait; we read rings in bursts and let 8,192. */
function batchLimits(env: Variables, prefix: string, delayMs: number): BatchLimits {
  const batchItems = count(env, `${prefix}_MAX_EXPORT_BATCH_SIZE`, 512);
  return {
    delayMs: duration(env, `${prefix}_SCHEDULE_DELAY`, delayMs),
    batchItems,
    queueItems: Math.max(batchItems, count(env, `${prefix}_MAX_QUEUE_SIZE`, 8192)),
  };
}
