/** What the probe waits between two spans of the whole machine unless told, nanoseconds: L7_SPAN_GAP. */
export const SPAN_GAP_NS = 5_000_000n;
/** Above this there are practically none. */
const MOST_GAP_NS = 10_000_000_000n;
/** Fewer spans show in the CPU time after some seconds. */
const PERIOD_MS = 5_000;

/**
 * Keeps the agent within its budget of CPU time: over it, fewer spans are taken, and counting goes on; well below it, more again.
 */
export class Budget {
  readonly percent: number | undefined;
  readonly #setGap: (ns: bigint) => void;
  readonly #onChange: (text: string) => void;
  #gap = SPAN_GAP_NS;
  #at: number;
  #cpu: number;
  #warm = true;
  /** Of one processor, in the last period. */
  usedPercent = 0;

  /** @param percent of one processor; undefined for no limit */
  constructor(
    percent: number | undefined,
    setGap: (ns: bigint) => void,
    onChange: (text: string) => void,
    now = performance.now(),
    cpuMs = cpuTime(),
  ) {
    this.percent = percent;
    this.#setGap = setGap;
    this.#onChange = onChange;
    this.#at = now;
    this.#cpu = cpuMs;
  }

  get gapNs(): bigint {
    return this.#gap;
  }

  get limiting(): boolean {
    return this.#gap > SPAN_GAP_NS;
  }

  /**
   * From now on it counts: loading the programs takes a second of CPU time, once, which no fewer spans would save. Neither would
   * they in the first period, in which all code runs for the first time.
   */
  begin(now = performance.now(), cpuMs = cpuTime()): void {
    this.#at = now;
    this.#cpu = cpuMs;
    this.#warm = false;
  }

  /** Looks at what was used; to be called often, does something each few seconds. */
  look(now = performance.now(), cpuMs = cpuTime()): void {
    const passed = now - this.#at;
    if (passed < PERIOD_MS) return;
    this.usedPercent = ((cpuMs - this.#cpu) / passed) * 100;
    this.#at = now;
    this.#cpu = cpuMs;
    const warm = this.#warm;
    this.#warm = true;
    if (this.percent === undefined || !warm) return;
    if (this.usedPercent > this.percent) this.#set(this.#gap * 2n);
    else if (this.limiting && this.usedPercent < this.percent * 0.7) this.#set(this.#gap / 2n);
  }

  #set(gap: bigint): void {
    const was = this.limiting;
    this.#gap = gap < SPAN_GAP_NS ? SPAN_GAP_NS : gap > MOST_GAP_NS ? MOST_GAP_NS : gap;
    this.#setGap(this.#gap);
    if (this.limiting && !was)
      this.#onChange(
        `the agent used ${this.usedPercent.toFixed(1)} % of a processor, more than --cpu-budget ${this.percent} %: it takes fewer spans, and counts on`,
      );
    if (!this.limiting && was) this.#onChange('within its budget again, the agent takes spans as before');
  }
}

function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
