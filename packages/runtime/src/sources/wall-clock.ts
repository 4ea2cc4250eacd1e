/**
 * Times of records. `bpf_ktime_get_ns()` counts from the machine's start as `process.hrtime` does, so the
 * difference of the two clocks, taken anew for every batch, turns one into the other.
 */
export class WallClock {
  /** Now, milliseconds since 1970. */
  now = Date.now();
  #offsetMs = 0;

  /** Takes the time: once a batch. */
  update(): void {
    this.now = Date.now();
    const [seconds, nanos] = process.hrtime();
    this.#offsetMs = this.now - (seconds * 1000 + nanos / 1e6);
  }

  /** A kernel time in nanoseconds as milliseconds since 1970; 0, which is no time, as now. */
  fromKernel(ns: number | bigint): number {
    const n = Number(ns);
    return n === 0 ? this.now : this.#offsetMs + n / 1e6;
  }
}
