import { escapeLabel } from '@skep/runtime';

/** `a="x",b="y"` of what is not empty: to Prometheus an empty label is none. */
export function labelText(labels: Readonly<Record<string, string | number | undefined>>): string {
  let out = '';
  for (const [name, value] of Object.entries(labels)) {
    if (value === undefined || value === '') continue;
    out += `${out === '' ? '' : ','}${name}="${escapeLabel(String(value))}"`;
  }
  return out;
}

/** A family's HELP and TYPE. OpenMetrics names a counter without its `_total`. */
export function head(name: string, type: string, help: string, openMetrics: boolean): string {
  const full = openMetrics && type === 'counter' ? name.replace(/_total$/, '') : name;
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n`;
}

export type Sample = readonly [labels: Readonly<Record<string, string | number | undefined>>, value: number];

/** A family of single numbers. */
export function family(
  openMetrics: boolean,
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  samples: readonly Sample[],
): string {
  if (samples.length === 0) return '';
  let out = head(name, type, help, openMetrics);
  for (const [labels, value] of samples) {
    const text = labelText(labels);
    out += `${name}${text === '' ? '' : `{${text}}`} ${value}\n`;
  }
  return out;
}
