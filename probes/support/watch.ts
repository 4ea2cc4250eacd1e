/**
 * Runs a probe of the catalogue around something that a test does, and gives back what it yielded: in this process,
 * so that the same test runs where there is no compiler and no command, in a guest of the kernel tests.
 */
import type { ParamSetting } from '@skep/probe';
import { type Run, type Series, type Sink, type Stream, startRun } from '@skep/runtime';
import { fixture } from '../../test/support/fixtures.ts';

export type Row = Record<string, unknown>;

export interface Watched {
  /** The records of each print_ map. */
  records(map: string): Row[];
  /** Labels and value of each series of a map. */
  series(map: string): { labels: Row; value: number; counts?: number[] }[];
  /** Events that found a buffer full. */
  lost: number;
}

/**
 * @param probe folder name under probes/
 * @param params what `--set` would be given; always something that narrows the probe to what the test started
 * @param act what the probe is to see; it is attached before this is called and detached after it
 * @param hooks rungs to be taken, by group
 * @param look called when all is counted, while the maps are there
 */
export async function watch(
  probe: string,
  params: Record<string, ParamSetting>,
  act: () => Promise<void> | void,
  hooks: Record<string, string> = {},
  look: (run: Run) => void = () => undefined,
): Promise<Watched> {
  const bytes = await fixture(new URL(`../${probe}/${probe}.c`, import.meta.url));
  const rows = new Map<string, Row[]>();
  let series: { map: string; labels: Row; value: number; counts?: number[] }[] = [];
  let active: Run | undefined;
  const sink: Sink = {
    name: 'test',
    start(run) {
      active = run;
    },
    record(stream: Stream, view, offset, length) {
      const list = rows.get(stream.map) ?? [];
      list.push(JSON.parse(stream.json(view, offset, length)) as Row);
      rows.set(stream.map, list);
    },
    // As long as processes and maps can be asked for what a stack stands for.
    stop: () => {
      if (active) look(active);
      series = [...(active?.series ?? [])].map((s: Series) => ({
        map: s.stream.map,
        labels: s.data as Row,
        value: Number(s.value),
        counts: s.histogram && Array.from(s.histogram.counts),
      }));
    },
  };
  const run = await startRun({
    name: probe,
    objects: [{ name: `${probe}.o`, bytes }],
    params,
    hooks,
    sinks: [sink],
  });
  try {
    await act();
  } finally {
    await run.stop();
  }
  const summary = await run.closed;
  return {
    records: (map) => rows.get(map) ?? [],
    series: (name) => series.filter(({ map }) => map === name).map(({ map: _, ...rest }) => rest),
    lost: summary.lost.reduce((sum, { count }) => sum + count, 0),
  };
}

/**
 * The same in several ways at once: each sees what the others see, of one and the same act. What the kernel waits for
 * when the last program leaves a tracepoint, it waits for once.
 *
 * @param ways settings, and rungs to be taken, of each
 */
export async function watchAll(
  probe: string,
  ways: readonly { params: Record<string, ParamSetting>; hooks?: Record<string, string> }[],
  act: () => Promise<void> | void,
): Promise<Watched[]> {
  const [first, ...others] = ways;
  if (!first) {
    await act();
    return [];
  }
  let inner: Watched[] = [];
  const seen = await watch(
    probe,
    first.params,
    async () => {
      inner = await watchAll(probe, others, act);
    },
    first.hooks,
  );
  return [seen, ...inner];
}
