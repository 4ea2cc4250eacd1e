/** A part of the report: measured by itself, kept in results/NAME.json, so that a long run can be made in parts. */
import type { Conditions } from '../../lib/report.ts';
import type { Place } from './place.ts';

export interface Part {
  readonly name: string;
  readonly title: string;
  /** Not among those that are measured when none is named. */
  readonly onlyByName?: boolean;
  measure(place: Place): Promise<Measured>;
}

export interface Measured {
  /** What stands below the title in the report, in Markdown. */
  readonly text: string;
  /** Pictures by name, SVG. */
  readonly plots?: Readonly<Record<string, string>>;
  /** The figures themselves, every round of them. */
  readonly figures: unknown;
}

/** As it is kept. */
export interface Kept extends Omit<Measured, 'plots'> {
  readonly title: string;
  readonly quick: boolean;
  readonly measured: Conditions;
  readonly plots: readonly string[];
}
