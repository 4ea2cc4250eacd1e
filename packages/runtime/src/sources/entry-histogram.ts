import type { RecordView, Value } from '@skep/bpf';
import { toNum } from '../num.ts';
import type { Row } from '../series/row.ts';
import type { MapPlan } from '../streams/plan.ts';
import { PagedArray } from './column.ts';
import type { Entries, Read } from './entry.ts';
import { grownBy, NumberEntries, type Sums, sum } from './entry-numbers.ts';

/** An entry is one bucket, or one observed value; see `MapHistogram` for the forms. */
export class BucketEntries extends NumberEntries {
  readonly #form: NonNullable<MapPlan['histogram']>['form'];
  readonly #keyRead: Read | undefined;

  constructor(sums: Sums, plan: MapPlan) {
    super(sums);
    const { form, keyColumn } = plan.histogram!;
    this.#form = form;
    this.#keyRead = keyColumn === undefined ? undefined : plan.decoder.column(keyColumn);
  }

  settle(slot: number, row: Row, first: boolean, tick: number, keys: RecordView, keyAt: number): void {
    const changed = this.#changed(slot, row, first, keys, keyAt);
    if (changed || first) row.counted(tick);
  }

  #changed(slot: number, row: Row, first: boolean, keys: RecordView, keyAt: number): boolean {
    const now = this.now[0]!.get(slot);
    const last = this.last[0]!.get(slot);
    if (now === last && !(first && this.#form === 'sampled')) return false;
    this.last[0]!.set(slot, now);
    const histogram = row.histogram!;
    if (this.#form === 'sampled') {
      histogram.observe(Number(now));
      return true;
    }
    const key = Number(toNum(this.#keyRead!(keys, keyAt)));
    const times = Number(grownBy(now, last));
    if (this.#form === 'value_key') histogram.observe(key, times);
    else histogram.add(key, times);
    return true;
  }
}

/** An entry is a whole histogram: an array of slots, and maybe the sum of what was observed. */
export class SlotEntries implements Entries {
  readonly #sums: Sums;
  readonly #now = new PagedArray<Value[]>();
  readonly #last = new PagedArray<Value[]>();
  readonly #buckets: readonly number[] | undefined;

  /** @param buckets the histogram's bucket of each slot, where they are not the same */
  constructor(sums: Sums, buckets?: readonly number[]) {
    this.#sums = sums;
    this.#buckets = buckets;
  }

  read(slot: number, view: RecordView, offset: number): void {
    const now: Value[] = [];
    for (let i = 0; i < this.#sums.count; i++) now.push(this.#sums.value(i, view, offset));
    this.#now.set(slot, now);
  }

  more(slot: number, view: RecordView, offset: number): void {
    const now = this.#now.get(slot)!;
    for (let i = 0; i < now.length; i++) now[i] = sum(now[i]!, this.#sums.value(i, view, offset));
  }

  settle(slot: number, row: Row, first: boolean, tick: number): void {
    if (this.#changed(slot, row) || first) row.counted(tick);
  }

  #changed(slot: number, row: Row): boolean {
    const histogram = row.histogram!;
    const [slots, total] = this.#now.get(slot)!;
    const [before, totalBefore = 0] = this.#last.get(slot) ?? [[]];
    const now = slots as Value[];
    const last = before as Value[];
    let changed = false;
    for (let i = 0; i < now.length; i++) {
      const grown = Number(grownBy(toNum(now[i]!), toNum(last[i] ?? 0)));
      if (grown === 0) continue;
      histogram.add(this.#buckets?.[i] ?? i, grown);
      changed = true;
    }
    // The probe adds to the sum before or after it counts: each may be seen without the other.
    const more = total === undefined ? 0 : Number(grownBy(toNum(total), toNum(totalBefore)));
    if (more > 0) histogram.sum! += more;
    this.#last.set(slot, this.#now.get(slot));
    return changed || more > 0;
  }

  leave(): void {}

  forget(slot: number): void {
    this.#now.set(slot, undefined);
    this.#last.set(slot, undefined);
  }
}
