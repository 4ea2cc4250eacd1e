/** One object for what was read in the same words: of many processes most are in the same few cgroups and namespaces. */
export class Shared<T extends object> {
  static readonly #most = 256;
  readonly #known = new Map<string, T>();

  /** What these words mean. It is frozen: it is not one reader's. */
  of(words: string, read: (words: string) => T): Readonly<T> {
    const known = this.#known.get(words);
    if (known !== undefined) return known;
    if (this.#known.size >= Shared.#most) this.#known.clear();
    const made = Object.freeze(read(words));
    this.#known.set(words, made);
    return made;
  }
}
