/** Kept to be asked for. */
const MOST = 50;

/** What there was to say, newest last; said as it comes. */
export class Notes {
  readonly #all: string[] = [];
  readonly #say: (text: string) => void;

  constructor(say: (text: string) => void = () => undefined) {
    this.#say = say;
  }

  get all(): readonly string[] {
    return this.#all;
  }

  /** Says it, unless it was the last that was said: a receiver that is gone a second time is told a second time. */
  add(text: string): void {
    if (this.#all.at(-1) === text) return;
    const before = this.#all.indexOf(text);
    if (before >= 0) this.#all.splice(before, 1);
    this.#all.push(text);
    if (this.#all.length > MOST) this.#all.shift();
    this.#say(text);
  }
}
