import type { Series, Stream } from '@skep/runtime';

/** A number with the text that stands for it. */
export interface Cell {
  readonly text: string;
  readonly key?: number;
}

/** A row of one of the agent's tables, as the view wants it. */
export class TableRow implements Series {
  readonly id: number;
  readonly stream: Stream;
  readonly labels: Series['labels'];
  readonly data: Series['data'];
  readonly stacks = [];
  readonly values: Series['values'];
  readonly value = 0;
  readonly changedAt = 0;
  readonly overflow = false;
  readonly shown = true;
  readonly #cells: readonly Cell[];

  constructor(id: number, stream: Stream, cells: readonly Cell[]) {
    this.id = id;
    this.stream = stream;
    this.#cells = cells;
    const [first] = cells;
    const name = stream.fields[0]!.name;
    this.labels = [[name, first!.text]];
    this.data = { [name]: first!.text };
    this.values = cells.slice(1).map((cell) => cell.key ?? cell.text);
  }

  text(i: number): string {
    return this.#cells[i]!.text;
  }
}

export const text = (of: string | undefined): Cell => ({ text: of ?? '' });

/** A rate per second; nothing for none. */
export function rate(perSecond: number): Cell {
  const shown =
    perSecond === 0 ? '' : perSecond < 9.95 ? perSecond.toFixed(1) : grouped(Math.round(perSecond));
  return { text: shown, key: perSecond };
}

export function count(n: number): Cell {
  return { text: grouped(n), key: n };
}

/** Of milliseconds. */
export function duration(ms: number): Cell {
  if (!Number.isFinite(ms)) return { text: '', key: -1 };
  const shown =
    ms < 1
      ? `${Math.round(ms * 1000)}µs`
      : ms < 10
        ? `${ms.toFixed(1)}ms`
        : ms < 1000
          ? `${Math.round(ms)}ms`
          : `${(ms / 1000).toFixed(1)}s`;
  return { text: shown, key: ms };
}

/** toLocaleString would load ICU's tables first. */
function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}
