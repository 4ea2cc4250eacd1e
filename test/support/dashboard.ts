import assert from 'node:assert/strict';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly instant?: boolean;
    readonly datasource: { readonly uid: string };
  }[];
}

/** As much of Grafana's JSON model as is looked at here. */
export interface Dashboard {
  readonly title: string;
  readonly uid: string;
  readonly schemaVersion: number;
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
  readonly panels: readonly Panel[];
}

/** What one query of a dashboard gave: the values of its lines, the last of each; of a variable's a 1 for each choice. */
export interface Shown {
  readonly panel: string;
  readonly expr: string;
  readonly values: readonly number[];
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana's
const SOURCE = '${datasource}';

/** What Grafana would stumble over: places that overlap or leave the grid, numbers used twice, variables that are not there. */
export function checkModel({ panels, templating, uid }: Dashboard): void {
  assert.match(uid, /^[\w-]{1,40}$/);
  assert.equal(new Set(panels.map((p) => p.id)).size, panels.length);
  const cells = new Map<string, string>();
  for (const { title, gridPos: at } of panels) {
    assert.ok(at.x >= 0 && at.w > 0 && at.x + at.w <= 24, title);
    for (let x = at.x; x < at.x + at.w; x++)
      for (let y = at.y; y < at.y + at.h; y++) {
        assert.equal(cells.get(`${x} ${y}`), undefined, `${title} lies on another panel`);
        cells.set(`${x} ${y}`, title);
      }
  }
  const known = new Set(templating.list.map((v) => v.name));
  const theirs = new Set(['__rate_interval', '__range', '__interval']);
  for (const [, name] of JSON.stringify(panels).matchAll(/\$\{?(\w+)/g))
    assert.ok(known.has(name!) || theirs.has(name!), `$${name} is no variable`);
  for (const { title, type, targets = [], datasource } of panels) {
    assert.equal(targets.length === 0, type === 'row', title);
    for (const t of targets) assert.equal(t.datasource.uid, SOURCE, title);
    if (type !== 'row') assert.equal(datasource?.uid, SOURCE, title);
    assert.equal(new Set(targets.map((t) => t.refId)).size, targets.length, title);
  }
}

/** Asks a Prometheus every query of a dashboard, its variables' too, as Grafana would with everything chosen. */
export async function ask(address: string, dashboard: Dashboard): Promise<Shown[]> {
  const shown: Shown[] = [];
  for (const { name, definition } of dashboard.templating.list) {
    const [, selector, label] = /^label_values\((.*), (\w+)\)$/.exec(definition ?? '') ?? [];
    if (definition === undefined) continue;
    const match = encodeURIComponent(filled(selector!));
    const values = await api<string[]>(address, `label/${label}/values?match[]=${match}`);
    shown.push({ panel: `$${name}`, expr: definition, values: values.map(() => 1) });
    // Nothing was scraped yet.
    if (values.length === 0) return shown;
  }
  for (const { title, targets = [] } of dashboard.panels)
    for (const { expr, instant } of targets) {
      const now = Date.now() / 1000;
      const query = `query=${encodeURIComponent(filled(expr))}`;
      const range = `query_range?${query}&start=${now - 5}&end=${now}&step=0.25`;
      const { result } = await api<Answer>(address, instant ? `query?${query}&time=${now}` : range);
      const values = result.map((r) => Number((r.value ?? r.values!.at(-1)!)[1]));
      shown.push({ panel: title, expr, values });
    }
  return shown;
}

interface Answer {
  readonly result: readonly {
    readonly value?: readonly [number, string];
    readonly values?: readonly (readonly [number, string])[];
  }[];
}

function filled(query: string): string {
  const values: Record<string, string> = {
    ...{ job: '.*', instance: '.*', __rate_interval: '5s', __range: '10m', __interval: '1s' },
  };
  return query.replace(/\$(\w+)/g, (all, name: string) => values[name] ?? all);
}

async function api<T>(address: string, path: string): Promise<T> {
  const answer = await fetch(`http://${address}/api/v1/${path}`);
  const { status, error, data } = (await answer.json()) as { status: string; error?: string; data: T };
  assert.equal(status, 'success', `${decodeURIComponent(path)}: ${error}`);
  return data;
}
