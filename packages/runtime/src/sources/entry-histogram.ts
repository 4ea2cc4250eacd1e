import type { RecordView, Value } from '@skep/bpf';
import { toNum } from '../num.ts';
import type { Row } from '../series/row.ts';
import type { MapPlan } from '../streams/plan.ts';
import type { Num } from '../types.ts';
import type { Entry, Read } from './entry.ts';
import { grownBy, NumberEntries, type Sums } from './entry-numbers.ts';

/** Adds what slots or counts grew by to the row's histogram; see `MapHistogram` for the forms. */
export class HistogramEntries extends NumberEntries {
  readonly #form: NonNullable<MapPlan['histogram']>['form'];
  readonly #keyRead: Read | undefined;

  constructor(sums: Sums, plan: MapPlan) {
    super(sums);
    const { form, keyColumn } = plan.histogram!;
    this.#form = form;
    this.#keyRead = keyColumn === undefined ? undefined : plan.decoder.column(keyColumn);
  }

  settle(entry: Entry, row: Row, tick: number, keys: RecordView, keyAt: number): void {
    const changed = this.#form === 'slots' ? this.#slots(entry, row) : this.#single(entry, row, keys, keyAt);
    if (changed || !entry.known) row.counted(tick);
    entry.known = true;
  }

  #slots(entry: Entry, row: Row): boolean {
    const histogram = row.histogram!;
    const now = entry.now[0] as Value[];
    const last = (entry.last[0] as Value[] | undefined) ?? [];
    let changed = false;
    for (let i = 0; i < now.length; i++) {
      const grown = Number(grownBy(toNum(now[i]!), toNum(last[i] ?? 0)));
      if (grown === 0) continue;
      histogram.add(i, grown);
      changed = true;
    }
    if (changed && entry.now.length > 1)
      histogram.sum! += Number(grownBy(entry.now[1] as Num, (entry.last[1] as Num | undefined) ?? 0));
    entry.last[0] = now;
    if (entry.now.length > 1) entry.last[1] = entry.now[1]!;
    return changed;
  }

  #single(entry: Entry, row: Row, keys: RecordView, keyAt: number): boolean {
    const now = entry.now[0] as Num;
    const last = (entry.last[0] as Num | undefined) ?? 0;
    if (now === last && (entry.known || this.#form !== 'sampled')) return false;
    entry.last[0] = now;
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
