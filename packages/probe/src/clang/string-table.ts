/** A string table, of ELF or BTF: a NUL, then each text once, in the order it was first asked for. A character is a byte. */
export class StringTable {
  readonly #offsets = new Map<string, number>([['', 0]]);
  readonly #parts: string[] = ['\0'];
  #length = 1;

  add(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    const at = this.#length;
    this.#offsets.set(text, at);
    this.#parts.push(`${text}\0`);
    this.#length += text.length + 1;
    return at;
  }

  bytes(): Uint8Array {
    return Buffer.from(this.#parts.join(''), 'latin1');
  }
}
