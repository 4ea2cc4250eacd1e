import type { RunStats } from '../contract/stats.ts';

/** A rate is taken over at least this long. */
const WINDOW_MS = 900;

/** What the status line says about the run. Shares are of one core. */
export interface Reading {
  /**
   * What `total` counts: events read from buffers, or, where all maps are polled, runs of the programs. Of a view that was given
   * another word, what its run says for events.
   */
  readonly what: string;
  readonly total: number;
  readonly perSecond: number;
  readonly lost: number;
  /** The reason most of the losses have, as `print_events ring_full`. */
  readonly worst: string;
  /** False where a ring's probe does not count what found no room. */
  readonly lossKnown: boolean;
  /** How often such a ring was found full. */
  readonly foundFull: number;
  /** LRU maps that may have forgotten entries. */
  readonly mayForget: readonly string[];
  /** Runs that programs missed, and the program that missed most of them. */
  readonly missed: number;
  readonly missedMost: string;
  readonly missesKnown: boolean;
  readonly decodeErrors: number;
  /** What was sent elsewhere: how much of it was lost, and whether sending fails now. Undefined when nothing is sent. */
  readonly exports: { readonly lost: number; readonly failing: boolean } | undefined;
  /** Whether the run says what its programs cost at all. */
  readonly programs: boolean;
  /** Undefined when the kernel does not measure run time. */
  readonly probeCpu: number | undefined;
  readonly ownCpu: number;
  readonly elapsedMs: number;
}

interface Sample {
  at: number;
  total: number;
  runTimeNs: number;
  ownCpuUs: number;
}

const sum = (values: Iterable<number>): number => {
  let total = 0;
  for (const value of values) total += value;
  return total;
};

/** Turns samples of `run.stats()` into totals and rates. */
export class Meter {
  readonly #what: string;
  #base: Sample | undefined;
  #rates = { perSecond: 0, probeCpu: 0, ownCpu: 0 };
  #reading: Reading | undefined;

  constructor(what: string) {
    this.#what = what;
  }

  /** The last reading; undefined before the first sample. */
  get reading(): Reading | undefined {
    return this.#reading;
  }

  sample(stats: RunStats, now: number): void {
    let runs = 0;
    let runTimeNs = 0;
    for (const program of stats.programs) {
      runs += Number(program.runs);
      runTimeNs += Number(program.runTimeNs);
    }
    const total = this.#what === 'runs' ? runs : sum(Object.values(stats.events));
    const next: Sample = { at: now, total, runTimeNs, ownCpuUs: stats.ownCpuUs };
    this.#base ??= next;
    const ms = now - this.#base.at;
    if (ms >= WINDOW_MS) {
      this.#rates = {
        perSecond: ((total - this.#base.total) / ms) * 1000,
        probeCpu: (runTimeNs - this.#base.runTimeNs) / (ms * 1e6),
        ownCpu: (stats.ownCpuUs - this.#base.ownCpuUs) / (ms * 1e3),
      };
      this.#base = next;
    }
    const worst = [...stats.lost].sort((a, b) => b.count - a.count)[0];
    this.#reading = {
      what: this.#what,
      total,
      perSecond: this.#rates.perSecond,
      lost: sum(stats.lost.map((l) => l.count)),
      worst: worst === undefined || worst.count === 0 ? '' : `${worst.map} ${worst.reason}`,
      lossKnown: stats.lossUnknown.length === 0,
      foundFull: sum(Object.values(stats.foundFull)),
      mayForget: stats.evictionsUnknown,
      missed: sum(stats.missed.map((m) => m.count)),
      missedMost: [...stats.missed].sort((a, b) => b.count - a.count)[0]?.program ?? '',
      missesKnown: stats.missesUnknown.length === 0,
      decodeErrors: stats.decodeErrors,
      exports: exportsOf(stats),
      programs: stats.programs.length > 0,
      probeCpu: !stats.programStats || (runs > 0 && runTimeNs === 0) ? undefined : this.#rates.probeCpu,
      ownCpu: this.#rates.ownCpu,
      elapsedMs: stats.elapsedMs,
    };
  }
}

function exportsOf({ exports }: RunStats): Reading['exports'] {
  if (exports.length === 0) return undefined;
  const lost = sum(exports.flatMap((e) => Object.values(e.lost)));
  return { lost, failing: exports.some((e) => e.failing) };
}
