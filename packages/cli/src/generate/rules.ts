import { ProbeError } from '@skep/probe';
import {
  Document,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  type Scalar,
  stringify,
  visit,
  type YAMLSeq,
} from 'yaml';

/**
 * A file of rules for Prometheus: on what a run says of itself (that it is gone, that what it shows is not all), then those that
 * the image carries, as they are. What of the probe's own metrics is worth an alert only its author knows.
 *
 * Source: https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
 *
 * @param job as the scrape configuration calls it
 * @param carried files of rules
 * @throws ProbeError SKEP_IMAGE_INVALID for a carried file that has no groups
 */
export function rulesFile(
  job: string,
  carried: readonly { readonly name: string; readonly text: string }[],
): string {
  const file = parseDocument(runRules(job));
  const groups = file.get('groups') as YAMLSeq;
  const taken = new Set([job]);
  for (const { name, text } of carried) {
    for (const group of groupsOf(text, name)) {
      // Prometheus refuses a file in which two groups have one name.
      if (isMap(group)) group.set('name', unlike(String(group.get('name')), taken));
      groups.add(group);
    }
  }
  return file.toString({ lineWidth: 0 });
}

/** With their comments, as far as nothing in them stands for something elsewhere in the file. */
function groupsOf(text: string, name: string): readonly unknown[] {
  const document = parseDocument(text);
  let aliases = false;
  visit(document, {
    Alias() {
      aliases = true;
      return visit.BREAK;
    },
  });
  const wrong = document.errors.length > 0;
  const plain =
    aliases && !wrong ? new Document(document.toJS(), { aliasDuplicateObjects: false }) : document;
  const { contents } = plain;
  const groups = !wrong && isMap(contents) && contents.get('groups');
  if (isSeq(groups)) {
    const [first] = groups.items;
    // What stands above the groups is about them.
    const comments = [document.commentBefore, keyOf(document, 'groups')?.commentBefore, groups.commentBefore];
    if (isMap(first))
      first.commentBefore = [...comments, first.commentBefore].filter(Boolean).join('\n') || null;
    return groups.items;
  }
  throw new ProbeError(
    'SKEP_IMAGE_INVALID',
    `${name}, which the image carries, is no file of Prometheus rules.`,
    { hint: 'Its maker can mend it; promtool check rules says what is wrong.' },
  );
}

function keyOf({ contents }: Document, name: string): Scalar | undefined {
  const pairs = isMap(contents) ? contents.items : [];
  const key = pairs.find((p) => isScalar(p.key) && p.key.value === name)?.key;
  return isScalar(key) ? key : undefined;
}

function unlike(name: string, taken: Set<string>): string {
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name}-${n}`;
  taken.add(free);
  return free;
}

function runRules(job: string): string {
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
  return stringify({ groups: [{ name: job, rules }] }, { version: '1.1', lineWidth: 0 });
}
