import { compareClocks, monotonicOfBoot } from '@skep/probe';

/**
 * Times of records. `bpf_ktime_get_ns()` counts from the machine's start: the clocks are compared anew for every batch, by
 * those who spell a timestamp_ns, so that a record's time and its member agree.
 */
export class WallClock {
  /** Now, milliseconds since 1970. */
  now = Date.now();
  #offsetUs = 0;

  /** Takes the time: once a batch. */
  update(): void {
    this.now = Date.now();
    this.#offsetUs = compareClocks();
  }

  /** A kernel time in nanoseconds as milliseconds since 1970, in whole microseconds; 0, which is no time, as now. */
  fromKernel(ns: number | bigint): number {
    const n = Number(ns);
    return n === 0 ? this.now : (this.#offsetUs + Math.floor(n / 1000)) / 1000;
  }

  /** The same of a time of `bpf_ktime_get_boot_ns()`. */
  fromBoot(ns: number | bigint): number {
    return this.fromKernel(monotonicOfBoot(BigInt(ns)));
  }
}
