import { createHash } from 'node:crypto';
import type { Metric } from '@skep/runtime';
import { type Panel, panelsOf, runPanels } from './panels.ts';

export interface DashboardOptions {
  readonly title: string;
  readonly description?: string;
  readonly metrics: readonly Metric[];
}

const WIDTH = 24;
const HEIGHT = 8;
// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana's
const SOURCE = { type: 'prometheus', uid: '${datasource}' };

/**
 * A dashboard for Grafana (10 or later), as its JSON model: panels for each metric of a probe, two beside each other, then what
 * skep says of the run. Data source, job and instance are chosen at its top. The same probe gives the same text.
 *
 * Source: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
 */
export function dashboardOf({ title, description = '', metrics }: DashboardOptions): string {
  const dashboard = {
    title: `skep: ${title}`,
    // Imported again it takes the place of the one before.
    uid: `skep-${createHash('sha256').update(title).digest('hex').slice(0, 16)}`,
    description,
    tags: ['skep', 'ebpf'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    time: { from: 'now-1h', to: 'now' },
    refresh: '30s',
    templating: { list: variables() },
    annotations: { list: [] },
    panels: placed([metrics.flatMap(panelsOf), runPanels()], 'What skep says of the run'),
  };
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}

function variables(): object[] {
  const values = (name: string, label: string, query: string) => ({
    ...{ name, label, type: 'query', datasource: SOURCE, definition: query },
    query: { query, refId: name },
    // When the time that is shown changes.
    refresh: 2,
    sort: 1,
    ...{ multi: true, includeAll: true, allValue: '.*' },
    current: { selected: true, text: ['All'], value: ['$__all'] },
  });
  return [
    { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', current: {} },
    values('job', 'Job', 'label_values(skep_run_series, job)'),
    values('instance', 'Instance', 'label_values(skep_run_series{job=~"$job"}, instance)'),
  ];
}

/** Panels with places and numbers: two a line; a heading before each group but the first, or a group alone. */
function placed(groups: readonly (readonly Panel[])[], heading: string): object[] {
  const out: object[] = [];
  let y = 0;
  const add = (panel: Panel, x: number, w: number, h: number): void => {
    const { targets } = panel;
    out.push({
      id: out.length + 1,
      ...panel,
      gridPos: { x, y, w, h },
      ...(targets && {
        datasource: SOURCE,
        targets: targets.map((t, i) => ({
          refId: String.fromCharCode(65 + i),
          datasource: SOURCE,
          editorMode: 'code',
          range: true,
          ...t,
        })),
      }),
    });
  };
  for (const group of groups.filter((g) => g.length > 0)) {
    if (out.length > 0) add({ type: 'row', title: heading }, 0, WIDTH, 1);
    if (out.length > 0) y++;
    for (const [i, panel] of group.entries()) {
      const alone = i === group.length - 1 && i % 2 === 0;
      add(panel, i % 2 === 0 ? 0 : WIDTH / 2, alone ? WIDTH : WIDTH / 2, HEIGHT);
      if (i % 2 === 1 || alone) y += HEIGHT;
    }
  }
  return out;
}
