import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Run } from '../src/contract/run.ts';
import type { Stream } from '../src/contract/stream.ts';
import { wantsOpenMetrics } from '../src/prom/endpoint.ts';
import { familiesOf } from '../src/prom/families.ts';
import { numberText } from '../src/prom/lines.ts';
import { escapeHelp, escapeLabel, familyName, labelNames, snake, unitFor } from '../src/prom/names.ts';

test('names say the base unit once and keep off Prometheus’ own endings', () => {
  assert.equal(familyName(['op_time_us'], unitFor('us')), 'skep_op_time_seconds');
  assert.equal(familyName(['wait_ms_total'], unitFor('ms')), 'skep_wait_seconds');
  assert.equal(familyName(['io_bytes'], unitFor('bytes')), 'skep_io_bytes');
  assert.equal(familyName(['kills_total'], unitFor(undefined)), 'skep_kills');
  assert.equal(familyName(['tcpConnects', 'v4.ok'], unitFor(undefined)), 'skep_tcp_connects_v4_ok');
  assert.equal(snake('9lives'), '_9lives');
  const members = ['count', 'sum', 'rx_count', 'total', 'took_us'].map((m) =>
    familyName(['io', m], unitFor(m === 'took_us' ? 'us' : undefined)),
  );
  assert.deepEqual(members, [
    'skep_io_count',
    'skep_io_sum',
    'skep_io_rx_count',
    'skep_io',
    'skep_io_took_seconds',
  ]);
});

test('label names that become equal stay apart', () => {
  assert.deepEqual(labelNames(['a.b', 'a_b', 'le', '__name__'], snake), ['a_b', 'a_b_', 'le_', '_name']);
});

test('texts are escaped as the formats ask', () => {
  assert.equal(escapeLabel('a"b\\c\nd'), 'a\\"b\\\\c\\nd');
  assert.equal(escapeHelp('a"b\\c\nd', false), 'a"b\\\\c\\nd');
  assert.equal(escapeHelp('a"b', true), 'a\\"b');
});

test('numbers are exact, units divide without rounding noise', () => {
  assert.equal(numberText(18_446_744_073_709_551_615n, 1), '18446744073709551615');
  assert.equal(numberText(10, 1e6), '0.00001');
  assert.equal(numberText(Number.POSITIVE_INFINITY, 1), '+Inf');
});

test('OpenMetrics is answered where it is asked for', () => {
  const prometheus =
    'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
  assert.equal(wantsOpenMetrics(prometheus), true);
  assert.equal(wantsOpenMetrics('text/plain'), false);
  assert.equal(wantsOpenMetrics('application/openmetrics-text;q=0.1,text/plain;q=0.9'), false);
  assert.equal(wantsOpenMetrics('application/openmetrics-text;version=2.0.0'), false);
  assert.equal(wantsOpenMetrics(undefined), false);
});

test('a map never takes the name of one of the run’s own figures, nor of another map', () => {
  const stream = (name: string): Stream =>
    ({
      map: `counter_${name}`,
      name,
      kind: 'counter',
      fields: [{ name: 'value', role: 'value', numeric: true }],
    }) as unknown as Stream;
  const streams = ['events', 'run_events', 'runEvents'].map(stream);
  const names = familiesOf({ streams, probes: ['x'] } as unknown as Run, false).map((family) => family.name);
  assert.deepEqual(names, ['skep_events', 'skep_run_events_probe', 'skep_run_events_probe_probe']);
});
