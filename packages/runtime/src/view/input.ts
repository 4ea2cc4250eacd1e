import { StringDecoder } from 'node:string_decoder';

/** One thing the person did at the keyboard. */
export type InputEvent =
  | { type: 'key'; name: KeyName }
  | { type: 'text'; text: string }
  | { type: 'paste'; text: string };

/** Keys that are no text. */
export type KeyName =
  | 'up' | 'down' | 'left' | 'right' | 'shift-left' | 'shift-right' | 'home' | 'end' | 'pageup' | 'pagedown'
  | 'enter' | 'escape' | 'tab' | 'shift-tab' | 'backspace' | 'delete' | 'f1'
  | 'ctrl-a' | 'ctrl-c' | 'ctrl-d' | 'ctrl-e' | 'ctrl-l' | 'ctrl-n' | 'ctrl-p' | 'ctrl-u' | 'ctrl-w' | 'ctrl-z'; // biome-ignore format: a table

/** Final byte of `ESC [ … X` and `ESC O X`: cursor keys in normal and in application mode. */
const BY_FINAL: Record<string, KeyName> = { A: 'up', B: 'down', C: 'right', D: 'left', H: 'home', F: 'end', Z: 'shift-tab', P: 'f1', M: 'enter' }; // biome-ignore format: a table
/** Number of `ESC [ n ~`. */
const BY_NUMBER: Record<string, KeyName> = { 1: 'home', 3: 'delete', 4: 'end', 5: 'pageup', 6: 'pagedown', 7: 'home', 8: 'end', 11: 'f1' }; // biome-ignore format: a table
const BY_CONTROL: Record<string, KeyName> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\x7f': 'backspace',
  '\b': 'backspace',
  '\x01': 'ctrl-a',
  '\x03': 'ctrl-c',
  '\x04': 'ctrl-d',
  '\x05': 'ctrl-e',
  '\x0c': 'ctrl-l',
  '\x0e': 'ctrl-n',
  '\x10': 'ctrl-p',
  '\x15': 'ctrl-u',
  '\x17': 'ctrl-w',
  '\x1a': 'ctrl-z', // biome-ignore format: a table
};

const PASTE_START = '\x1b[200~';
const PASTE_END = '\x1b[201~';
/** A terminal never sends more for one key; what is longer is garbage and is thrown away. */
const LONGEST_SEQUENCE = 32;
const LONGEST_PASTE = 4096;
/** An escape byte alone for this long is the Escape key and not the start of a sequence. */
const ESCAPE_MS = 40;

/** Turns the bytes of a terminal in raw mode into keys, text and pastes, however the reads are split. */
export class InputParser {
  readonly #emit: (event: InputEvent) => void;
  readonly #decoder = new StringDecoder('utf8');
  #pending = '';
  #paste: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(emit: (event: InputEvent) => void) {
    this.#emit = emit;
  }

  /** Takes what was read. Unknown sequences are dropped without effect. */
  feed(chunk: Uint8Array): void {
    clearTimeout(this.#timer);
    this.#pending += this.#decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    this.#parse();
    if (this.#pending.startsWith('\x1b') && this.#paste === undefined) {
      this.#timer = setTimeout(() => this.#giveUp(), ESCAPE_MS);
    }
  }

  /** Stops the Escape timer. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #giveUp(): void {
    const alone = this.#pending === '\x1b';
    this.#pending = '';
    if (alone) this.#emit({ type: 'key', name: 'escape' });
  }

  #parse(): void {
    while (this.#pending !== '') {
      const taken = this.#paste === undefined ? this.#one() : this.#pasted();
      if (taken === 0) return;
      this.#pending = this.#pending.slice(taken);
    }
  }

  /** Reads one event from the start of the pending text; 0 when it is not complete yet. */
  #one(): number {
    const text = this.#pending;
    const first = text[0]!;
    if (first === '\x1b') return this.#escape(text);
    if (first < ' ' || first === '\x7f') {
      const name = BY_CONTROL[first];
      if (name !== undefined) this.#emit({ type: 'key', name });
      return 1;
    }
    const length = /^[^\x00-\x1f\x7f\x80-\x9f]+/.exec(text)?.[0].length ?? 0;
    if (length === 0) return 1;
    this.#emit({ type: 'text', text: text.slice(0, length) });
    return length;
  }

  #escape(text: string): number {
    if (text.length === 1) return 0;
    if (text[1] === '\x1b') {
      this.#emit({ type: 'key', name: 'escape' });
      return 1;
    }
    if (text[1] === 'O') return text.length < 3 ? 0 : this.#final(text[2]!, '', 3);
    if (text[1] !== '[') return 2;
    if (text.startsWith(PASTE_START)) {
      this.#paste = '';
      return PASTE_START.length;
    }
    if (text[2] === 'M') return text.length < 6 ? 0 : 6;
    const match = /^\x1b\[([\x30-\x3f]*)[\x20-\x2f]*([\x40-\x7e])/.exec(text);
    if (match !== null) return this.#final(match[2]!, match[1]!, match[0].length);
    if (!/^\x1b\[[\x20-\x3f]*$/.test(text)) return 2;
    return text.length > LONGEST_SEQUENCE ? text.length : 0;
  }

  #final(final: string, parameters: string, length: number): number {
    const [number = '', modifier = ''] = parameters.split(';');
    let name: KeyName | undefined = final === '~' ? BY_NUMBER[number] : BY_FINAL[final];
    if (final === 'M' && length !== 3) name = undefined;
    if (modifier === '2' && name === 'left') name = 'shift-left';
    if (modifier === '2' && name === 'right') name = 'shift-right';
    if (name !== undefined) this.#emit({ type: 'key', name });
    return length;
  }

  #pasted(): number {
    const end = this.#pending.indexOf(PASTE_END);
    if (end >= 0) {
      const text = (this.#paste! + this.#pending.slice(0, end)).slice(0, LONGEST_PASTE);
      this.#paste = undefined;
      this.#emit({ type: 'paste', text });
      return end + PASTE_END.length;
    }
    const keep = this.#pending.lastIndexOf('\x1b');
    const take = keep < 0 || this.#pending.length - keep >= PASTE_END.length ? this.#pending.length : keep;
    this.#paste = (this.#paste! + this.#pending.slice(0, take)).slice(0, LONGEST_PASTE);
    return take;
  }
}
