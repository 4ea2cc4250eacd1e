// A span and the exec of its process come by two rings: whichever is read first, the span has the process's name.
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { PEER_SERVICE, RAW_PROCESS } from '../src/kernel/key.ts';
import { NOBODY } from '../src/peers/peers.ts';
import { Service } from '../src/services/service.ts';
import { spanInfo } from '../src/spans/info.ts';
import { type KernelSpan, spanReader } from '../src/spans/span.ts';
import { type Span, Spans, type SpansParts } from '../src/spans/spans.ts';

const CALLER = 42;
const SERVER = 7;

/** A client's span, of a process that has ended. */
const record: KernelSpan = {
  ...{ start: 1n, duration: 2n, route: 0n, path: 0n, requestBytes: 0, responseBytes: 0, pid: CALLER },
  peer: (BigInt(PEER_SERVICE) << 56n) | BigInt(RAW_PROCESS + SERVER),
  ...{ service: RAW_PROCESS + CALLER, port: 80, status: 200, role: 'client', method: 'GET', error: '' },
  ...{ reason: 'sample', localAddress: '', peerAddress: '', localPort: 1, peerPort: 80, parent: undefined },
};

function fake() {
  const told = new Set<number>();
  const clock = { now: 0 };
  const made: Span[] = [];
  let asked = () => {};
  const spans = new Spans({
    services: { self: undefined, byId: () => undefined },
    processes: {
      knows: (pid: number) => told.has(pid),
      serviceOf(pid: number) {
        asked();
        return new Service(pid, told.has(pid) ? `job-${pid}` : 'unknown', undefined, 0);
      },
      identity: () => undefined,
    },
    routes: { find: () => undefined },
    peers: { of: () => NOBODY },
    clock: () => clock.now,
    onSpan: (span: Span) => made.push(span),
  } as unknown as SpansParts);
  const whenAsked = (what: () => void) => {
    asked = what;
  };
  const names = () => made.map((s) => s.service.name);
  return { told, clock, spans, whenAsked, names, made, starts: () => made.map((s) => s.start) };
}

test('a span waits until both its processes have been told of', () => {
  const { told, clock, spans, names } = fake();
  spans.take(record);
  spans.settle();
  told.add(CALLER);
  clock.now = 20;
  spans.settle();
  deepStrictEqual(names(), [], 'the other end is not known yet');
  told.add(SERVER);
  spans.settle();
  deepStrictEqual(names(), [`job-${CALLER}`]);
  spans.take(record);
  strictEqual(names().length, 2, 'now both are known');
});

test('a span of a process that nobody tells of comes all the same, in time or at the end', () => {
  const { clock, spans, names } = fake();
  spans.take(record);
  clock.now = 29;
  spans.settle();
  strictEqual(names().length, 0);
  clock.now = 30;
  spans.settle();
  deepStrictEqual(names(), ['unknown']);
  spans.take(record);
  spans.finish();
  deepStrictEqual([names().length, spans.taken], [2, 2]);
});

test('who calls and is no process of this machine is named by address, except over a Unix socket', () => {
  const { spans, made } = fake();
  for (const port of [80, 0])
    spans.take({ ...record, service: 0, peer: 0n, role: 'server', peerAddress: '10.0.0.9', port });
  spans.finish();
  deepStrictEqual(
    made.map((span) => spanInfo(span).peer),
    ['10.0.0.9', undefined],
  );
});

test('a span that is made while others are told of is made once', () => {
  const { clock, spans, names, whenAsked } = fake();
  spans.take(record);
  spans.take(record);
  clock.now = 1_000;
  whenAsked(() => spans.settle());
  spans.settle();
  strictEqual(names().length, 2);
});

test('a span is dated by the clock of its batch, and those of two batches stay in order', (t) => {
  const { spans, starts } = fake();
  let mono = 5_000_000_000n;
  t.mock.method(process.hrtime, 'bigint', () => mono);
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_005_000 });
  /** A batch with a span that begins `ns` after the first, read when Node's clock says `ms` after that. */
  const batch = (ns: bigint, ms: number) => {
    t.mock.timers.setTime(1_000_005_000 + ms);
    spans.take({ ...record, start: 5_000_000_000n + ns, service: 0, peer: 0n });
    spans.batchEnded();
    return Number(starts().at(-1)! - 1_000_005_000_000_000n);
  };
  strictEqual(batch(0n, 0), 0);
  // Read 0.9 ms later, when Node's clock has not moved yet.
  mono += 900_000n;
  strictEqual(batch(1000n, 0), 1000);
  // The machine sleeps for an hour, in which the kernel's clock stands.
  strictEqual(batch(2000n, 3_600_000), 3_600_000_000_000 - 900_000 + 2000);
  // The clock is put back by a second.
  strictEqual(batch(3000n, 3_599_000), 3_599_000_000_000 - 900_000 + 3000);
});

test('a trace context of zeros is none: a span with it would be refused by whoever is sent it', () => {
  const offsets = new Map<string, { offset: number }>();
  const members =
    `start duration route path peer request_bytes response_bytes pid service port status role method error reason
    local_address peer_address local_port peer_port traced trace_flags parent_id trace_id`.split(/\s+/);
  for (const [i, name] of members.entries()) offsets.set(name, { offset: i * 16 });
  const read = spanReader({ map: () => ({ value: offsets }) } as unknown as Parameters<typeof spanReader>[0]);
  const parent = (trace: number, span: number) => {
    const u8 = new Uint8Array(members.length * 16);
    u8[offsets.get('traced')!.offset] = 1;
    u8[offsets.get('trace_id')!.offset + 15] = trace;
    u8[offsets.get('parent_id')!.offset + 7] = span;
    return read({ u8, dv: new DataView(u8.buffer) }, 0).parent;
  };
  strictEqual(parent(0, 1), undefined);
  strictEqual(parent(1, 0), undefined);
  deepStrictEqual(parent(1, 2), {
    ...{ traceId: `${'0'.repeat(31)}1`, spanId: '0000000000000002', flags: 0 },
  });
});
