import type { RecordView } from '@skep/bpf';
import type { Run, RunSummary, Sink, Stream } from '../../src/index.ts';

/** Keeps everything, as the JSON it would be. */
export class Collect implements Sink {
  readonly name = 'collect';
  readonly records: { map: string; data: Record<string, unknown>; timeMs: number }[] = [];
  run: Run | undefined;
  summary: RunSummary | undefined;
  #waiting: { n: number; resolve: () => void }[] = [];

  start(run: Run): void {
    this.run = run;
  }

  record(stream: Stream, view: RecordView, offset: number, length: number, timeMs: number): void {
    const data = JSON.parse(stream.json(view, offset, length)) as Record<string, unknown>;
    this.records.push({ map: stream.map, data, timeMs });
    this.#waiting = this.#waiting.filter(({ n, resolve }) => {
      if (this.records.length >= n) resolve();
      return this.records.length < n;
    });
  }

  stop(summary: RunSummary): void {
    this.summary = summary;
  }

  /** Resolves when `n` records are there. */
  async until(n: number): Promise<void> {
    if (this.records.length >= n) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push({ n, resolve });
    });
  }
}

/** The series of a map as text: `{"k":"0"} 5`. */
export async function rowsOf(run: Run, map: string): Promise<Map<string, string>> {
  await run.series.refresh();
  const stream = run.streams.find((s) => s.map === map)!;
  return new Map(
    [...run.series.of(stream)].map((s) => [
      s.labels.map(([, t]) => t).join(','),
      s.values.map(String).join(','),
    ]),
  );
}
