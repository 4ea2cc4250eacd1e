import type { HookChoice, Sink } from '@skep/runtime';
import { note } from '../output/out.ts';
import { renderTable } from '../output/table.ts';

/** `--explain`: before anything is attached, each alternative of the probe's hooks and why it is not taken. */
export function explainSink(): Sink {
  return { name: 'explain', start: (run) => note(explanation(run.stats().hooks)) };
}

/** The table of `--explain`, without a line end. */
export function explanation(choices: readonly HookChoice[]): string {
  if (choices.length === 0) return 'This probe offers no choice of hooks.';
  const rows = choices.flatMap((c) =>
    c.rungs.map((rung, i) => [
      i === 0 ? c.group + (c.optional ? ' (optional)' : '') + (c.twins ? ' (twins)' : '') : '',
      rung.name,
      rung.state,
      rung.reason ?? '',
    ]),
  );
  return renderTable(['GROUP', 'RUNG', 'VERDICT', 'REASON'], rows).trimEnd();
}
