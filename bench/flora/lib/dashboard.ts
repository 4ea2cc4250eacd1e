/** The Grafana dashboard's panels, asked of VictoriaMetrics and drawn without Grafana. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lines } from './line-picture.ts';
import { type Line, queryRange } from './victoria.ts';

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly description: string;
  readonly fieldConfig: { readonly defaults: { readonly unit: string } };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}

export interface Shown {
  readonly panel: Panel;
  readonly lines: readonly (Line & { readonly legend: string })[];
}

export function panels(): readonly Panel[] {
  const file = join(import.meta.dirname, '../dashboards/flora.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { panels: Panel[] }).panels;
}

/** Every panel's answers between two times, in seconds. */
export async function show(address: string, from: number, to: number): Promise<Shown[]> {
  const shown: Shown[] = [];
  for (const panel of panels()) {
    const answers = await Promise.all(panel.targets.map(({ expr }) => queryRange(address, expr, from, to)));
    const found = answers.flatMap((list, i) =>
      list.map((line) => ({ ...line, legend: legend(panel.targets[i]!.legendFormat, line) })),
    );
    shown.push({ panel, lines: found });
  }
  return shown;
}

/** `{{label}}` stands for a label's value, as in Grafana. */
function legend(format: string, { labels }: Line): string {
  return format.replace(/\{\{(\w+)\}\}/g, (_, name: string) => labels[name] ?? '');
}

export function drawPanel({ panel, lines: found }: Shown): string {
  return lines(panel.title, panel.fieldConfig.defaults.unit, found);
}
