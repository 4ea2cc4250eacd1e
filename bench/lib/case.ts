/** What a row of the table is. A case runs every tool once a round, so that all of them see the same machine. */
import type { Workplace } from './workplace.ts';

export interface Case {
  readonly name: string;
  /** As the table and the plot have it. */
  readonly title: string;
  readonly unit: string;
  /** What skep is to reach, in words. */
  readonly target: string;
  /** Times the rounds asked for: short measurements need more of them. */
  readonly times?: number;
  /** What else a reader of the figures must know. */
  readonly conditions: string;
  /** One value for each tool (or each way of asking it). `round` counts from 0: who goes first changes with it. */
  round(place: Workplace, round: number): Promise<Record<string, number>>;
}

/** The same in another order each round: being the first is an advantage or a handicap that nobody keeps. */
export function inTurn<T>(tools: readonly T[], round: number): T[] {
  const at = round % tools.length;
  return [...tools.slice(at), ...tools.slice(0, at)];
}
