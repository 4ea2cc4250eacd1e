import { stringify } from 'yaml';

/**
 * Alert rules for Prometheus on what a run says of itself: that it is gone, and that what it shows is not all. Of the probe's
 * own metrics only its author knows what is worth an alert.
 *
 * Source: https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
 *
 * @param job as the scrape configuration calls it
 */
export function alertRules(job: string): string {
  const of = `job=${JSON.stringify(job)}`;
  const rule = (
    alert: string,
    expr: string,
    wait: string,
    severity: string,
    summary: string,
    description: string,
  ) => ({
    ...{ alert, expr, for: wait, labels: { severity }, annotations: { summary, description } },
  });
  const rules = [
    rule(
      'SkepDown',
      `up{${of}} == 0`,
      '5m',
      'critical',
      'The probe on {{ $labels.instance }} is not running',
      'Its /metrics has not answered for five minutes: nothing is seen there.',
    ),
    rule(
      'SkepEventsLost',
      `sum by (instance, map, reason) (increase(skep_run_lost_events_total{${of}}[10m])) > 0`,
      '0s',
      'warning',
      '{{ $labels.map }} on {{ $labels.instance }} lost events ({{ $labels.reason }})',
      'Counts and rows are lower than what happened. A larger buffer, or narrower parameters, help.',
    ),
    rule(
      'SkepBufferFull',
      `sum by (instance, map) (increase(skep_run_buffer_found_full_total{${of}}[10m])) > 0`,
      '0s',
      'warning',
      '{{ $labels.map }} on {{ $labels.instance }} was found full',
      'Events were probably lost; this probe does not count them.',
    ),
    rule(
      'SkepUnreadable',
      `increase(skep_run_decode_errors_total{${of}}[10m]) > 0`,
      '0s',
      'warning',
      'Records on {{ $labels.instance }} could not be read',
      'The probe sends what its types do not say: tell its author.',
    ),
  ];
  return stringify({ groups: [{ name: job, rules }] }, { lineWidth: 0 });
}
