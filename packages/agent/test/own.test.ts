// Whose spans are left to their processes: what they were told and what they do decides, and a service may have some of both.
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { Host, type Identity, readProcess } from '@skep/identity';
import { NOBODY } from '../src/peers/peers.ts';
import { type Labels, Series } from '../src/series/series.ts';
import { Exporters } from '../src/services/exporters.ts';
import type { Processes } from '../src/services/processes.ts';
import type { Service } from '../src/services/service.ts';
import { Services } from '../src/services/services.ts';
import { isDouble, noteExports } from '../src/spans/own.ts';

const MINUTE = 60_000;

const process = (evidence?: 'configured' | 'linked', more: object = {}) =>
  ({
    ...{ service: { name: 'shop', rule: 'command' }, fromEvent: false },
    sdks: evidence ? [{ name: 'opentelemetry', sign: 'environment', detail: 'X', evidence, off: false }] : [],
    ...more,
  }) as unknown as Identity;
const job = process(undefined, { fromEvent: true });

test('a service that was started again without its SDK has spans made again', () => {
  const services = new Services();
  const of = (identity: Identity | undefined, now: number) => {
    const service = services.of(identity, now);
    return [isDouble({ identity, service }, now), isDouble({ service }, now)];
  };
  deepStrictEqual(of(process('configured'), 0), [true, true]);
  // A job of it that ended before anybody looked is as the others, and what is not known at all is, too.
  deepStrictEqual(of(job, 1), [true, true]);
  deepStrictEqual(isDouble({ service: services.of(process('configured'), 2) }, 2), true);
  deepStrictEqual(of(process(), 3), [false, false]);
  deepStrictEqual(of(job, 4), [false, false]);
});

/** A request that was counted. */
function request(
  service: Service,
  role: 'server' | 'client',
  route: string,
  status = 200,
  method = 'POST',
): Series {
  const labels = { service, role, method, route, status, error: '', port: 80, peer: NOBODY };
  return new Series({ ...labels, overflow: false } as Labels, 0);
}

test('who has an exporter among its code has a minute to show that it uses it', () => {
  const service = new Services().of(process('linked'), 0);
  const at = (now: number) => isDouble({ identity: process('linked'), service }, now);
  strictEqual(at(MINUTE * 5), true, 'it was not asked for anything yet');
  noteExports(request(service, 'server', '/'), MINUTE * 5);
  strictEqual(at(MINUTE * 6 - 1), true);
  strictEqual(at(MINUTE * 6), false, 'such as Caddy, that was not told to trace');
  noteExports(request(service, 'client', '/otlp/v1/traces'), MINUTE * 7);
  strictEqual(at(MINUTE * 7), true);
  strictEqual(at(MINUTE * 18), false, 'it does no more');
});

test('who sends spans exports its own, unless it is sent them itself', () => {
  const of = (...requests: Parameters<typeof request> extends [Service, ...infer R] ? R[] : never) => {
    const service = new Services().of(process(), 0);
    for (const each of requests) noteExports(request(service, ...each), 1);
    return isDouble({ identity: process(), service }, 2);
  };
  strictEqual(of(['client', '/v1/traces']), true);
  strictEqual(of(['client', '/v0.4/traces']), true);
  strictEqual(of(['client', '/api/v2/spans']), true);
  strictEqual(of(['client', '/v1/traces', 503]), true);
  strictEqual(of(['client', '/v1/metrics'], ['client', '/traces']), false);
  strictEqual(of(['client', '/v1/traces', 404]), false);
  // Zipkin's page.
  strictEqual(of(['client', '/api/v2/spans', 200, 'GET']), false);
  // A scanner asked it.
  strictEqual(of(['server', '/v1/traces', 404], ['client', '/v1/traces']), true);
  strictEqual(of(['server', '/v1/traces', 200, 'GET'], ['client', '/v1/traces']), true);
  // A collector, or a proxy in front of one.
  strictEqual(of(['server', '/v1/traces'], ['client', '/v1/traces']), false);
});

test('who is connected to the port of a receiver exports its own', async (t) => {
  const receiver = createServer().listen(4317, '127.0.0.1');
  const failed = once(receiver, 'error').then(([error]) => error as Error & { code?: string });
  const taken = await Promise.race([once(receiver, 'listening').then(() => undefined), failed]);
  if (taken) return t.skip(`port 4317 is not to be had: ${taken.code}`);
  t.after(() => receiver.close());
  const client = connect(4317, '127.0.0.1');
  await once(client, 'connect');
  t.after(() => client.destroy());
  const self = readProcess(new Host(), globalThis.process.pid)!;
  let now = 0;
  const seen = async (language: string, evidence?: 'linked', off = false) => {
    const identity = process(evidence, { process: self, runtime: { language } });
    for (const sdk of identity.sdks) Object.assign(sdk, { off });
    const service = new Services().of(identity, 0);
    const running = [{ identity, service }];
    const processes = { running: () => running } as unknown as Processes;
    await new Exporters(new Host(), processes, () => ++now).now();
    return isDouble({ identity, service }, MINUTE * 5);
  };
  strictEqual(await seen('ruby'), true);
  strictEqual(await seen('go', 'linked'), true);
  strictEqual(await seen('go'), false, 'it has no exporter of spans: metrics');
  strictEqual(await seen('nodejs', 'linked', true), false, 'it was told to send none');
  strictEqual(await seen('c'), false, 'a proxy');
  client.destroy();
  await once(client, 'close');
  strictEqual(await seen('ruby'), false);
});
