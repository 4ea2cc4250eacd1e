// Tables of what an agent answers: as wide as a terminal, whatever a service does.
import { deepEqual, match } from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentStatus, ServiceInfo, SpanInfo } from '@skep/agent';
import { servicesTable, spanLine, statusText } from '../src/agent/text.ts';

const side = { rate: 1, errorRate: 0, p50: 1, p95: 1, p99: 1, requests: 7, errors: 0 };
const service = (what: Partial<ServiceInfo>) =>
  ({ name: 'shop', ports: [], pids: [], server: side, client: side, calledBy: [], ...what }) as ServiceInfo;

test('services of one name are told apart by their namespace', () => {
  const table = servicesTable([service({ namespace: 'north' }), service({})]);
  match(table, /^north\/shop /m);
  match(table, /^shop /m);
  const span = { time: '2026-11-27T20:01:48.050123Z', service: 'shop', namespace: 'north', role: 'server' };
  match(spanLine(span as SpanInfo), /^\S+ north\/shop /);
});

test('a table stands straight, whatever script its names are in', () => {
  const names = ['shop', '花屋', 'Žižkov', 'e\u0301te\u0301', '\u{1f41d}'];
  const lines = servicesTable(names.map((name) => service({ name, language: 'go' }))).split('\n');
  /** Where the second column begins, in columns of a terminal. */
  const at = lines.slice(0, -1).map((line, i) => {
    const name = i === 0 ? 'SERVICE' : names[i - 1]!;
    const width = [7, 4, 4, 6, 3, 2][i]!;
    return width + /^ +/.exec(line.slice(name.length))![0].length;
  });
  deepEqual(at, [10, 10, 10, 10, 10, 10]);
});

test('of many ports and callers a few are named', () => {
  const ports = Array.from({ length: 300 }, (_, i) => 8000 + i);
  const many = service({ ports, calledBy: ['a', 'b', 'c', 'd'] });
  match(servicesTable([many]), / 8000,8001,8002,8003,… .* a, b, c, …\n$/);
  match(servicesTable([service({ ports: [80, 443], calledBy: ['a', 'b'] })]), / 80,443 .* a, b\n$/);
});

test('a span stands at the time on the wall, as in a run of a probe', (t) => {
  const { TZ } = process.env;
  t.after(() => {
    if (TZ === undefined) delete process.env.TZ;
    else process.env.TZ = TZ;
  });
  process.env.TZ = 'Asia/Kolkata';
  const span = { time: '2026-11-27T20:01:48.050123Z', service: 'shop', role: 'server', method: 'GET' };
  const line = spanLine({ ...span, route: '/', status: 200, durationMs: 3, reason: 'sample' } as SpanInfo);
  match(line, /^01:31:48\.050 shop +GET \/ 200 3\.0ms$/);
});

test('who looks why a receiver took less than it was sent reads what it said', () => {
  const otlp = (lastError?: string) => {
    const ledger = { signal: 'traces', url: 'http://a/v1/traces', delivered: 3, waiting: 0, lastError };
    const nothing = {
      watched: {},
      hooks: [],
      lost: [],
      missed: [],
      unseen: [],
      notes: [],
      fill: {},
      listens: {},
    };
    const counts = { notCounted: {}, unseenBytes: {}, notToldApart: {} };
    const budget = { usedPercent: 0, limiting: false };
    const rest = { spans: {}, selfCheck: {}, budget, exports: [{ ...ledger, lost: { rejected: 2 } }] };
    return /^otlp +(.*)$/m.exec(statusText({ ...nothing, ...counts, ...rest } as unknown as AgentStatus))![1];
  };
  const figures = 'traces to http://a/v1/traces: 3 delivered, rejected 2 lost, 0 waiting';
  deepEqual(
    [otlp(), otlp('the receiver says: too old')],
    [figures, `${figures}; last told: the receiver says: too old`],
  );
});
