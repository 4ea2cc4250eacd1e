import type { Lost, LostReason } from './contract/losses.ts';

/** Where every event went that did not arrive: one number a map and reason. */
export class Ledger {
  readonly #counts = new Map<string, { map: string; reason: LostReason; count: number }>();

  add(map: string, reason: LostReason, count: number): void {
    if (count <= 0) return;
    this.#entry(map, reason).count += count;
  }

  /** For counters that are kept elsewhere (the probe's, the kernel's): their value, which includes what was before. */
  set(map: string, reason: LostReason, count: number): void {
    if (count > 0 || this.#counts.has(`${map}\0${reason}`)) this.#entry(map, reason).count = count;
  }

  list(): Lost[] {
    return [...this.#counts.values()].map((e) => ({ ...e }));
  }

  of(reason: LostReason): number {
    let sum = 0;
    for (const e of this.#counts.values()) if (e.reason === reason) sum += e.count;
    return sum;
  }

  #entry(map: string, reason: LostReason): { map: string; reason: LostReason; count: number } {
    const key = `${map}\0${reason}`;
    let entry = this.#counts.get(key);
    if (entry === undefined) {
      entry = { map, reason, count: 0 };
      this.#counts.set(key, entry);
    }
    return entry;
  }
}
