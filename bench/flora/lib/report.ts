/** Keeps what a part has measured, and writes the report of all that is kept. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Conditions, footer } from '../../lib/report.ts';
import type { Kept, Measured, Part } from './case.ts';
import { parts } from './parts.ts';
import { CONDITIONS } from './picture.ts';

export const results = join(import.meta.dirname, '../results');

export function keep(part: Part, measured: Measured, at: Conditions, quick: boolean): Kept {
  mkdirSync(results, { recursive: true });
  const plots = Object.entries(measured.plots ?? {}).map(([name, picture]) => {
    const file = `${part.name}-${name}.svg`;
    writeFileSync(join(results, file), picture.replace(CONDITIONS, footer(at)));
    return file;
  });
  const { text, figures } = measured;
  const kept: Kept = { title: part.title, quick, measured: at, text, plots, figures };
  writeFileSync(join(results, `${part.name}.json`), `${JSON.stringify(kept, null, 1)}\n`);
  return kept;
}

const HEAD = `# What watching a service costs it: the report

Written by \`make bench-flora\`; ../README.md says how it is measured. Each part names when and where it was, since a run
can be made in parts. Absolute microseconds stand beside every percentage: a ratio says as much about the handler.
Beside the variants stands an A/A control, the bare server with an agent that sleeps: what differs there is noise.
`;

/** results/report.md, from every part that is kept. */
export function writeReport(): void {
  const found = parts.filter(({ name }) => existsSync(join(results, `${name}.json`)));
  const sections = found.map(({ name }) => {
    const { title, quick, measured, text, plots } = JSON.parse(
      readFileSync(join(results, `${name}.json`), 'utf8'),
    ) as Kept;
    const pictures = plots.map((file) => `![${title}](${file})`).join('\n');
    const short = quick ? ' **A quick run: few and short rounds, not for quoting.**' : '';
    return `## ${title}\n\n${text}\n\n${pictures}\n\n${footer(measured)}.${short}\n`;
  });
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, 'report.md'), [HEAD, ...sections].join('\n'));
}
