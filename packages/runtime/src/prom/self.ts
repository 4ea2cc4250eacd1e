import type { RunStats } from '../contract/stats.ts';
import { FIGURE_NAMES, type FigureSample, figuresOf } from '../figures.ts';
import { headLines } from './lines.ts';
import { escapeLabel } from './names.ts';

/** Names of the run's own figures, which no map of a probe gets: `counter_run_series` becomes something else. */
export const SELF_FAMILIES: readonly string[] = FIGURE_NAMES.map(({ name, unit }) => familyName(name, unit));

/** The run's own figures: what came, what was lost and why, what the probe costs. */
export function selfMetrics(stats: RunStats, openMetrics: boolean): string {
  return figuresOf(stats)
    .map(({ name, unit, type, help, samples }) => {
      const family = familyName(name, unit);
      return headLines(family, type, help, openMetrics) + lines(family, type, samples);
    })
    .join('');
}

function familyName(name: string, unit: string): string {
  return `skep_run_${name.replaceAll('.', '_')}${unit === 's' ? '_seconds' : ''}`;
}

function lines(name: string, type: string, samples: readonly FigureSample[]): string {
  const suffix = type === 'counter' ? '_total' : '';
  return samples
    .map(([labels, value]) => {
      const text = Object.entries(labels)
        .map(([k, v]) => `${k}="${escapeLabel(v)}"`)
        .join(',');
      return `${name}${suffix}${text === '' ? '' : `{${text}}`} ${value}\n`;
    })
    .join('');
}
