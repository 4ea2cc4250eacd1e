import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long work may keep the event loop, milliseconds. */
const SLICE_MS = 2;

/** A share of the event loop's time: work that may be long asks now and then whether it is used up. */
export class Slice {
  #until = performance.now() + SLICE_MS;
  /** Nobody waits for this work any more: what has changed nothing yet may be left undone. */
  abandoned = false;

  /** Time to let others have their turn. */
  get over(): boolean {
    return performance.now() >= this.#until;
  }

  /** Others had theirs. */
  renew(): void {
    this.#until = performance.now() + SLICE_MS;
  }

  /** Gives all others that wait a turn, and begins the next share. */
  async turn(): Promise<void> {
    await nextTurn();
    this.renew();
  }
}
