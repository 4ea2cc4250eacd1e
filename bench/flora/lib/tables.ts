/** Tables in Markdown. */
import { figures, spread } from '../../lib/statistics.ts';
import type { Comparison } from '../cases/compare.ts';
import type { Taken } from './round.ts';

const median = (all: readonly Taken[], value: (t: Taken) => number): number => spread(all.map(value)).median;

function range(all: readonly Taken[], value: (t: Taken) => number, digits = 3): string {
  const { least, median, most } = spread(all.map(value));
  const text = (n: number): string => figures(Number(n.toPrecision(digits)));
  return `${text(least)}/${text(median)}/${text(most)}`;
}

/** +12 %, of medians. */
export function over(value: number, base: number): string {
  const percent = ((value - base) / base) * 100;
  return `${percent < 0 ? '' : '+'}${percent.toFixed(Math.abs(percent) < 10 ? 1 : 0)} %`;
}

export function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${figures(Number(value.toPrecision(3)))}`;
}

export function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}

export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

export function comparison(
  taken: ReadonlyMap<string, readonly Taken[]>,
  c: Comparison,
  seconds: number,
): string {
  const [bare] = taken.values();
  const runtime = bare![0]!.runtime;
  const asked =
    c.rate === undefined ? `${c.users} users, each waiting for its answer` : `${figures(c.rate)} requests/s`;
  const cap = c.cpus ? `; the server may use ${c.cpus} CPU` : '';
  const lines = c.about === 'cpu' ? cpuTable(taken) : throughputTable(taken);
  return (
    `${runtime}, \`/api?${c.query}\`, ${asked}${cap}; ${bare!.length} rounds of ${seconds} s. ` +
    `least/median/most of the rounds; "over" compares medians.\n\n${lines}`
  );
}

function cpuTable(taken: ReadonlyMap<string, readonly Taken[]>): string {
  const [bare] = taken.values();
  const base = median(bare!, (t) => t.server);
  const memory = median(bare!, (t) => t.serverMemory);
  const head = [
    ...[
      'variant (rounds)',
      'server CPU us/request',
      'over',
      'us/request',
      'agent CPU us/request',
      'total us/request',
    ],
    ...['server MiB', 'over', 'agent MiB', 'p50 ms', 'p99 ms', 'dropped', 'spans/request'],
  ];
  return table(
    head,
    [...taken].map(([name, all]) => {
      const server = median(all, (t) => t.server);
      const first = all === bare;
      return [
        `${name} (${all.length})`,
        range(all, (t) => t.server),
        first ? '-' : `**${over(server, base)}**`,
        first ? '-' : signed(server - base),
        figures(median(all, (t) => t.agent)),
        figures(median(all, (t) => t.server + t.agent)),
        range(all, (t) => t.serverMemory),
        first
          ? '-'
          : over(
              median(all, (t) => t.serverMemory),
              memory,
            ),
        figures(median(all, (t) => t.agentMemory)),
        range(all, (t) => t.p50, 2),
        range(all, (t) => t.p99, 2),
        all.reduce((sum, t) => sum + t.dropped, 0),
        median(all, (t) => t.spans).toFixed(2),
      ];
    }),
  );
}

function throughputTable(taken: ReadonlyMap<string, readonly Taken[]>): string {
  const [bare] = taken.values();
  const base = median(bare!, (t) => t.throughput);
  return table(
    ['variant (rounds)', 'answered/s', 'over', 'server CPU us/request', 'us/request', 'p50 ms', 'p99 ms'],
    [...taken].map(([name, all]) => [
      `${name} (${all.length})`,
      range(all, (t) => t.throughput),
      all === bare
        ? '-'
        : `**${over(
            median(all, (t) => t.throughput),
            base,
          )}**`,
      range(all, (t) => t.server),
      all === bare ? '-' : signed(median(all, (t) => t.server) - median(bare!, (t) => t.server)),
      range(all, (t) => t.p50, 2),
      range(all, (t) => t.p99, 2),
    ]),
  );
}
