import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExportStats, RunSummary } from '@skep/runtime';
import { summaryText } from '../src/run/summary.ts';

const summary: RunSummary = {
  probes: [{ name: 'probe', objects: ['probe.o'], maps: ['print_a', 'counter_b'] }],
  reason: 'timeout',
  startedAt: new Date(0),
  elapsedMs: 2000,
  events: { print_a: 1000, counter_b: 234 },
  filtered: {},
  lost: [],
  lossUnknown: [],
  exports: [],
  foundFull: {},
  evictionsUnknown: [],
  missed: [],
  missesUnknown: [],
  programs: [],
  hooks: [],
  programStats: true,
  decodeErrors: 0,
  series: 0,
  ownCpuUs: 20_000,
  notes: [],
};

test('the summary says what was lost, and never that nothing was where nobody counted', () => {
  const lost = [{ map: 'print_a', reason: 'ring_full' as const, count: 56789 }];
  assert.equal(
    summaryText('probe', summary),
    'probe: 2.0 s (time is up), 1,234 events, 0 lost, skep 1.0 % CPU',
  );
  assert.match(
    summaryText('probe', { ...summary, lost }),
    /, 56,789 lost, .*\n {2}lost in print_a: 56,789 \(ring_full\)$/,
  );
  const unknown = { ...summary, lossUnknown: ['counter_b'] };
  assert.match(summaryText('probe', unknown), /events, losses not counted by the probe, skep/);
  assert.match(summaryText('probe', { ...unknown, lost }), /, at least 56,789 lost,/);
  assert.match(
    summaryText('probe', { ...unknown, foundFull: { counter_b: 3 } }),
    /\n {2}counter_b was found full 3 times/,
  );
  assert.match(
    summaryText('probe', { ...unknown, foundFull: { counter_b: 1 } }),
    /\n {2}counter_b was found full once: /,
  );
  assert.match(
    summaryText('probe', { ...summary, evictionsUnknown: ['calls'] }),
    /\n {2}evictions unknown: calls was so full that the kernel may have forgotten entries, uncounted$/,
  );
});

test('what was sent by OTLP is told by signal, and what is wrong as long as it is', () => {
  const logs: ExportStats = {
    ...{ signal: 'logs', url: 'http://127.0.0.1:4318/v1/logs', requests: 3, retries: 1, waiting: 0 },
    ...{ handedIn: 1300, delivered: 1000, failing: false, lastError: 'HTTP 503' },
    lost: { queue_full: 0, rejected: 100, timeout: 200, shutdown: 0, invalid: 0 },
  };
  const none = { ...logs.lost, rejected: 0, timeout: 0 };
  const said = (e: ExportStats) =>
    summaryText('probe', { ...summary, exports: [e] })
      .split('\n')
      .slice(1);
  assert.deepEqual(said(logs), [
    '  OTLP logs: 1,000 records delivered, 100 lost (rejected), 200 lost (timeout); http://127.0.0.1:4318/v1/logs: HTTP 503',
  ]);
  assert.deepEqual(said({ ...logs, lost: none, delivered: 1300 }), ['  OTLP logs: 1,300 records delivered']);
  assert.deepEqual(said({ ...logs, lost: none, handedIn: 0, delivered: 0, lastError: undefined }), []);
});
