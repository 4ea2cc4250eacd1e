/** One that asks, until it has been answered. */
export interface Asking<T, R> {
  readonly what: T;
  resolve(answer: R): void;
  reject(error: unknown): void;
}

/**
 * Does for all who ask at about the same time what is done in one go: while it is being done for some, the next ones gather.
 *
 * `work` takes those whose turn it is by calling `take`, once and when it is ready to, answers each of them, and may refuse
 * some. When it throws, so is everybody of that turn told; or all who wait, when it had not taken any.
 */
export class Together<T, R> {
  readonly #work: (take: () => Asking<T, R>[]) => Promise<void>;
  readonly #waiting: Asking<T, R>[] = [];
  #works = false;

  constructor(work: (take: () => Asking<T, R>[]) => Promise<void>) {
    this.#work = work;
  }

  /** @throws what the work throws, or refuses this one with */
  ask(what: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ what, resolve, reject });
      if (!this.#works) void this.#go();
    });
  }

  /** Never rejects: whoever waits is told. */
  async #go(): Promise<void> {
    this.#works = true;
    while (this.#waiting.length > 0) {
      let turn: Asking<T, R>[] | undefined;
      try {
        await this.#work(() => {
          turn = this.#waiting.splice(0);
          return turn;
        });
      } catch (e) {
        for (const { reject } of turn ?? this.#waiting.splice(0)) reject(e);
      }
    }
    // In one step with having found nobody: who is answered may ask again before anything else happens.
    this.#works = false;
  }
}
