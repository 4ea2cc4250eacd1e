import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { Run, RunSummary, Sink } from '@skep/runtime';
import { toJson } from '../output/template.ts';

/** `--debug`: a sink that writes down what happens, a line each, for a bug report. */
export function debugLog(path: string, about: Record<string, unknown>): Sink {
  const file = createWriteStream(path);
  const line = (what: string, data: unknown) => {
    file.write(`${new Date().toISOString()} ${what} ${toJson(data as never)}\n`);
  };
  return {
    name: 'debug.log',
    async prepare() {
      await new Promise<void>((resolve, reject) => file.once('open', () => resolve()).once('error', reject));
      line('asked for', about);
    },
    start(run: Run) {
      line('loaded', {
        programs: run
          .stats()
          .programs.map((p) => `${p.object} ${[p.section, ...p.also].join(' ')} ${p.name}`),
        streams: run.streams.map(
          (s) => `${s.map} ${s.mapType} ${s.yields} ${s.fields.map((f) => f.name).join(',')}`,
        ),
      });
    },
    tick(run: Run) {
      line('so far', run.stats());
    },
    async stop(summary: RunSummary) {
      const { error, ...rest } = summary;
      if (error !== undefined)
        line('failed', { error: error instanceof Error ? error.stack : String(error) });
      line('ended', rest);
      file.end();
      await finished(file);
    },
  };
}
