/** Work on named things: what has a name in common takes turns, in the order in which it was asked for; the rest runs at once. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  async take<T>(names: readonly string[], task: () => Promise<T>): Promise<T> {
    const before = Promise.all(names.map((name) => this.#last.get(name)));
    const mine = before.then(task);
    const ended = mine.catch(() => undefined); // thrown to who asked; whose turn is next goes on
    for (const name of names) this.#last.set(name, ended);
    try {
      return await mine;
    } finally {
      for (const name of names) if (this.#last.get(name) === ended) this.#last.delete(name);
    }
  }
}
