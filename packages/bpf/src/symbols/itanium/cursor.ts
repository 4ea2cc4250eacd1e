/** Thrown for what is not understood; no error of anybody's. */
export const NOT_UNDERSTOOD = new Error('not understood');
/** Deeper than names are, shallower than our stack. */
const MAX_DEPTH = 200;
/** Substitutions can make a short name long without bound. */
export const MAX_LENGTH = 65_536;

/** A place in a mangled name that moves on as it is read. */
export class Cursor {
  protected readonly text: string;
  protected at = 0;
  #depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  protected number(): number {
    const digits = /^\d+/.exec(this.text.slice(this.at, this.at + 12))?.[0];
    if (digits === undefined) throw NOT_UNDERSTOOD;
    this.at += digits.length;
    return Number(digits);
  }

  protected char(): string {
    return this.text[this.at] ?? '';
  }

  protected next(): string {
    if (this.at >= this.text.length) throw NOT_UNDERSTOOD;
    return this.text[this.at++]!;
  }

  protected peek(text: string): boolean {
    return this.text.startsWith(text, this.at);
  }

  protected take(text: string): boolean {
    if (!this.peek(text)) return false;
    this.at += text.length;
    return true;
  }

  protected deeper<T>(work: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw NOT_UNDERSTOOD;
    const result = work();
    this.#depth--;
    return result;
  }
}
