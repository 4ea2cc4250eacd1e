/** Of all tags of a repository: a small image is mostly waiting for answers. */
export const IMAGES_AT_ONCE = 8;
/** Of a copy, which has two registries to ask: no more of them at a time at either. */
export const COPIES_AT_ONCE = 2 * IMAGES_AT_ONCE;

/**
 * Runs `task` for every item, at most `width` at once, and yields the results in the items' order. After the first failure
 * nothing new begins; what came before it in order is still yielded, and it is thrown when all has ended. Who stops
 * listening waits for what is under way.
 */
export async function* inOrder<T, R>(
  items: readonly T[],
  width: number,
  task: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running: Promise<R>[] = [];
  let next = 0;
  let failed = false;
  const begin = () => {
    const one = task(items[next++] as T);
    one.catch(() => {
      failed = true; // thrown in its turn, below
    });
    running.push(one);
  };
  try {
    for (;;) {
      while (!failed && next < items.length && running.length < width) begin();
      const first = running.shift();
      if (first === undefined) return;
      yield await first;
    }
  } finally {
    await Promise.allSettled(running);
  }
}

/** Runs what is asked for under one name once, however many ask, also at the same time. A failure is not kept. */
export class Once<R> {
  readonly #known = new Map<string, Promise<R>>();

  get(name: string, task: () => Promise<R>): Promise<R> {
    let one = this.#known.get(name);
    if (one === undefined) {
      one = task();
      this.#known.set(name, one);
      one.catch(() => this.#known.delete(name));
    }
    return one;
  }
}
