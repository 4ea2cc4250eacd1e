import type { ExportLedger } from './ledger.ts';
import { BoundedQueue } from './queue.ts';
import type { Sender } from './sender.ts';
import type { BatchLimits } from './settings.ts';

/** One request, before it is compressed; receivers commonly refuse more than 4 MiB. */
const BATCH_BYTES = 2 * 1024 * 1024;

export interface BatcherOptions<T> {
  readonly limits: BatchLimits;
  /** Most bytes that wait, as {@link BatcherOptions.size} estimates them. */
  readonly queueBytes: number;
  readonly ledger: ExportLedger;
  readonly sender: Pick<Sender, 'send' | 'ending' | 'close'>;
  readonly encode: (items: readonly T[]) => Uint8Array;
  /** About how many bytes an item is when encoded; 0 for one that no receiver takes. */
  readonly size: (item: T) => number;
}

/**
 * Collects spans or records into requests: one is sent when there are enough, or the delay after the first. One request is
 * under way at a time; what comes meanwhile waits, as far as there is room.
 */
export class Batcher<T> {
  readonly #o: BatcherOptions<T>;
  readonly #queue: BoundedQueue<T>;
  #timer: NodeJS.Timeout | undefined;
  #underWay = 0;
  #sending: Promise<void> | undefined;
  #ended = false;

  constructor(options: BatcherOptions<T>) {
    this.#o = options;
    this.#queue = new BoundedQueue(options.limits.queueItems, options.queueBytes);
  }

  /** Queued, or with a request that is not answered yet. */
  get waiting(): number {
    return this.#queue.length + this.#underWay;
  }

  /** Whether there is no room: what it takes to make an item can be saved; say {@link refuse} then. */
  get full(): boolean {
    return this.#queue.full || this.#ended;
  }

  /** Takes an item; false when it was dropped, which is counted. It must not change afterwards. */
  add(item: T): boolean {
    const { ledger, size, limits } = this.#o;
    ledger.handedIn++;
    const bytes = size(item);
    if (bytes === 0) ledger.lose('invalid', 1);
    else if (this.#ended) ledger.lose('shutdown', 1);
    else if (!this.#queue.push(item, bytes)) ledger.lose('queue_full', 1);
    else {
      if (this.#queue.length >= limits.batchItems || this.#queue.bytes >= BATCH_BYTES) this.#begin();
      else if (!this.#sending) this.#arm();
      return true;
    }
    return false;
  }

  /** Counts an item that was not made, because the queue is {@link full}. */
  refuse(): void {
    this.#o.ledger.handedIn++;
    this.#o.ledger.lose(this.#ended ? 'shutdown' : 'queue_full', 1);
  }

  /** Sends what waits, until `deadline` (as performance.now() has it); what is left then is lost to `shutdown`. */
  async finish(deadline: number): Promise<void> {
    const { sender, ledger } = this.#o;
    this.#ended = true;
    sender.ending();
    const timer = setTimeout(
      () => {
        ledger.lose('shutdown', this.#queue.clear());
        sender.close();
      },
      Math.max(0, deadline - performance.now()),
    );
    this.#begin();
    await this.#sending;
    clearTimeout(timer);
    sender.close();
  }

  #arm(): void {
    this.#timer ??= setTimeout(() => this.#begin(), this.#o.limits.delayMs).unref();
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
      if (this.#queue.length > 0) this.#arm();
    });
  }

  async #sendAll(): Promise<void> {
    const { encode, sender, limits, ledger } = this.#o;
    // The caller of add() does not pay for encoding.
    await new Promise((resolve) => setImmediate(resolve));
    // What came during this waits for more of its kind, as it would have without.
    let due = this.#queue.length;
    while (this.#queue.length > 0 && (due > 0 || this.#ended || this.#queue.length >= limits.batchItems)) {
      const items = this.#queue.take(limits.batchItems, BATCH_BYTES);
      due -= items.length;
      this.#underWay = items.length;
      let body: Uint8Array | undefined;
      try {
        body = encode(items);
      } catch (error) {
        ledger.lastError = `cannot be encoded: ${(error as Error).message}`;
        ledger.lose('invalid', items.length);
      }
      if (body) await sender.send(body, items.length);
      this.#underWay = 0;
    }
  }
}
