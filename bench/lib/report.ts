/** Keeps what a case has measured: results/NAME.json for later, results/NAME.svg to look at, a row on the terminal. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import type { Case } from './case.ts';
import { barChart } from './plot.ts';
import { figures, type Spread, spread } from './statistics.ts';

export const results = join(import.meta.dirname, '../results');

/** What the figures are worth depends on it. */
export interface Conditions {
  readonly date: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cpus: number;
  /** Runnable tasks of others when it began: above 0.5 the figures are noisy. */
  readonly load: number;
  readonly commit: string;
  readonly node: string;
}

export function conditions(): Conditions {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
  return {
    date: new Date().toISOString(),
    kernel: release(),
    cpu: cpus()[0]!.model,
    cpus: availableParallelism(),
    load: loadavg()[0]!,
    commit: git('rev-parse', '--short', 'HEAD'),
    node: process.version,
  };
}

export function footer(c: Conditions): string {
  return `${c.date.slice(0, 10)}, Linux ${c.kernel}, ${c.cpus} × ${c.cpu}, Node ${c.node}, ${c.commit}, load before ${figures(c.load)}`;
}

/** Writes down a case's rounds and returns its lines of the table. */
export function record(c: Case, rounds: readonly Record<string, number>[], at: Conditions): string {
  const names = [...new Set(rounds.flatMap((r) => Object.keys(r)))];
  const byTool: Record<string, Spread> = {};
  for (const name of names.sort(skepFirst)) {
    byTool[name] = spread(rounds.map((r) => r[name]).filter((v) => v !== undefined));
  }
  const { name, title, unit, target } = c;
  const stored = { name, title, unit, target, measured: at, conditions: c.conditions, results: byTool };
  write(`${name}.json`, `${JSON.stringify(stored, null, 1)}\n`);
  write(`${name}.svg`, barChart(c, byTool, footer(at)));
  const lines = Object.entries(byTool).map(
    ([tool, s]) =>
      `  ${tool.padEnd(22)} ${figures(s.median).padStart(10)}   ${figures(s.least)} to ${figures(s.most)}`,
  );
  return `${title}, ${unit} (to reach: ${target}; ${c.conditions})\n${lines.join('\n')}\n`;
}

export function write(name: string, text: string): void {
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, name), text);
}

/** The table of everything that was measured so far, from results/*.json. */
export function table(names: readonly string[]): string {
  const rows = names.map((name) => {
    const r = JSON.parse(readFileSync(join(results, `${name}.json`), 'utf8')) as {
      title: string;
      unit: string;
      target: string;
      results: Record<string, Spread>;
    };
    const cells = Object.entries(r.results).map(
      ([tool, s]) => `${tool} **${figures(s.median)}** (${figures(s.least)} to ${figures(s.most)})`,
    );
    return `| ${r.title} | ${r.unit} | ${cells.join('<br>')} | ${r.target} |`;
  });
  return ['| what | unit | median (range) | to reach |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function skepFirst(a: string, b: string): number {
  return Number(b.startsWith('skep')) - Number(a.startsWith('skep'));
}
