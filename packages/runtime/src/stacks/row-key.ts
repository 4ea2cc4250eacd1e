import type { Value } from '@skep/bpf';
import type { RowKey } from '../series/row.ts';
import type { StackColumn } from '../streams/stack-columns.ts';
import { put } from '../streams/stream.ts';
import type { RawStack } from './stack.ts';

/** A label that is a stack. */
export interface StackLabel {
  /** Which of the labels. */
  readonly label: number;
  /** Dotted path of the column in the data. */
  readonly path: string;
  readonly stack: RawStack;
  readonly column: StackColumn;
}

/** What identifies a row with stacks: told apart by what the stacks are, spelled out when somebody looks. */
export class StackRowKey implements RowKey {
  readonly id: string;
  readonly stacks: readonly RawStack[];
  readonly #labels: readonly (readonly [string, string])[];
  readonly #data: Record<string, Value>;
  readonly #found: readonly StackLabel[];
  #spelled: { labels: readonly (readonly [string, string])[]; data: Record<string, Value> } | undefined;

  constructor(
    id: string,
    labels: readonly (readonly [string, string])[],
    data: Record<string, Value>,
    found: readonly StackLabel[],
  ) {
    this.id = id;
    this.#labels = labels;
    this.#data = data;
    this.#found = found;
    this.stacks = found.map((f) => f.stack);
  }

  get labels(): readonly (readonly [string, string])[] {
    return this.#spell().labels;
  }

  get data(): Record<string, Value> {
    return this.#spell().data;
  }

  text(label: number): string | undefined {
    const found = this.#found.find((f) => f.label === label);
    return found ? found.stack.text : this.#labels[label]?.[1];
  }

  #spell() {
    if (this.#spelled) return this.#spelled;
    const labels = [...this.#labels];
    for (const { label, path, stack } of this.#found) {
      labels[label] = [labels[label]![0], stack.folded];
      put(this.#data, path, stack.lines);
    }
    this.#spelled = { labels, data: this.#data };
    return this.#spelled;
  }
}
