const NOT_UNDERSTOOD = new Error('not understood');
const MAX_DEPTH = 200;
/** References back can make a short name long without bound. */
const MAX_LENGTH = 65_536;

const BASIC: Readonly<Record<string, string>> = {
  a: 'i8', b: 'bool', c: 'char', d: 'f64', e: 'str', f: 'f32', h: 'u8', i: 'isize', j: 'usize', l: 'i32', m: 'u32',
  n: 'i128', o: 'u128', p: '_', s: 'i16', t: 'u16', u: '()', v: '...', x: 'i64', y: 'u64', z: '!',
}; // biome-ignore format: a table

/**
 * The path of a Rust function out of its mangled form (v0); undefined for what is not understood.
 *
 * Source: the Rust compiler's book, "v0 Symbol Format" (RFC 2603).
 */
export function demangleRust(mangled: string): string | undefined {
  const end = mangled.search(/[.@$]/);
  const body = (end < 0 ? mangled : mangled.slice(0, end)).slice(2);
  try {
    const clone = end < 0 || mangled[end] === '@' ? '' : mangled.slice(end);
    return (
      new Parser(body).path(true) + (clone === '' || clone.startsWith('.llvm.') ? '' : ` [clone ${clone}]`)
    );
  } catch (error) {
    if (error === NOT_UNDERSTOOD) return undefined;
    throw error;
  }
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  /** Lifetimes of the `for<…>` around. */
  #bound = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** @param value of a value, whose generic arguments come after `::` */
  path(value: boolean): string {
    return this.#deeper(() => {
      const c = this.#next();
      switch (c) {
        case 'C':
          this.#disambiguator();
          return this.#identifier();
        case 'M':
          this.#disambiguator();
          this.path(false);
          return `<${this.type()}>`;
        case 'X':
          this.#disambiguator();
          this.path(false);
          return `<${this.type()} as ${this.path(false)}>`;
        case 'Y':
          return `<${this.type()} as ${this.path(false)}>`;
        case 'N':
          return this.#nested(value);
        case 'I': {
          const of = this.path(value);
          const list: string[] = [];
          while (!this.#take('E')) list.push(this.#argument());
          return `${of}${value ? '::' : ''}<${list.filter((a) => a !== '').join(', ')}>`;
        }
        case 'B':
          return this.#back(() => this.path(value));
        default:
          throw NOT_UNDERSTOOD;
      }
    });
  }

  #nested(value: boolean): string {
    const space = this.#next();
    const of = this.path(value);
    const number = this.#disambiguator();
    const name = this.#identifier();
    if (/[a-z]/.test(space)) return name === '' ? of : `${of}::${name}`;
    const kind = { C: 'closure', S: 'shim' }[space] ?? space;
    return `${of}::{${kind}${name === '' ? '' : `:${name}`}#${number}}`;
  }

  type(): string {
    return this.#deeper(() => {
      const c = this.#char();
      if (BASIC[c] !== undefined) {
        this.#at++;
        return BASIC[c];
      }
      if (/[CMXYNI]/.test(c)) return this.path(false);
      this.#at++;
      switch (c) {
        case 'A': {
          const of = this.type();
          return `[${of}; ${this.#constant()}]`;
        }
        case 'S':
          return `[${this.type()}]`;
        case 'T': {
          const list: string[] = [];
          while (!this.#take('E')) list.push(this.type());
          return list.length === 1 ? `(${list[0]},)` : `(${list.join(', ')})`;
        }
        case 'R':
        case 'Q': {
          const life = this.#take('L') ? this.#lifetime() : '';
          return `&${life === '' || life === "'_" ? '' : `${life} `}${c === 'Q' ? 'mut ' : ''}${this.type()}`;
        }
        case 'P':
          return `*const ${this.type()}`;
        case 'O':
          return `*mut ${this.type()}`;
        case 'F':
          return this.#function();
        case 'D':
          return this.#dynamic();
        case 'B':
          return this.#back(() => this.type());
        default:
          throw NOT_UNDERSTOOD;
      }
    });
  }

  #function(): string {
    return this.#binder((quantified) => {
      const unsafe = this.#take('U') ? 'unsafe ' : '';
      let abi = '';
      if (this.#take('K'))
        abi = this.#take('C') ? 'extern "C" ' : `extern "${this.#identifier().replaceAll('_', '-')}" `;
      const list: string[] = [];
      while (!this.#take('E')) list.push(this.type());
      const returns = this.type();
      return `${quantified}${unsafe}${abi}fn(${list.join(', ')})${returns === '()' ? '' : ` -> ${returns}`}`;
    });
  }

  #dynamic(): string {
    const text = this.#binder((quantified) => {
      const traits: string[] = [];
      while (!this.#take('E')) traits.push(this.#trait());
      return `dyn ${quantified}${traits.join(' + ')}`;
    });
    if (!this.#take('L')) throw NOT_UNDERSTOOD;
    const life = this.#lifetime();
    return life === "'_" ? text : `${text} + ${life}`;
  }

  /** A trait, with the associated types that are fixed among its arguments. */
  #trait(): string {
    let text = this.path(false);
    const fixed: string[] = [];
    while (this.#take('p')) {
      const name = this.#identifier();
      fixed.push(`${name} = ${this.type()}`);
    }
    if (fixed.length > 0)
      text = text.endsWith('>')
        ? `${text.slice(0, -1)}, ${fixed.join(', ')}>`
        : `${text}<${fixed.join(', ')}>`;
    return text;
  }

  #binder(inner: (quantified: string) => string): string {
    const count = this.#take('G') ? this.#base62() + 1 : 0;
    if (count > 26) throw NOT_UNDERSTOOD;
    const names = Array.from({ length: count }, (_, i) => `'${letter(this.#bound + i)}`);
    this.#bound += count;
    const text = inner(count === 0 ? '' : `for<${names.join(', ')}> `);
    this.#bound -= count;
    return text;
  }

  #argument(): string {
    if (this.#take('L')) return this.#lifetime();
    return this.#take('K') ? this.#constant() : this.type();
  }

  #lifetime(): string {
    const index = this.#base62();
    return index === 0 ? "'_" : `'${letter(this.#bound - index)}`;
  }

  #constant(): string {
    if (this.#take('p')) return '_';
    if (this.#take('B')) return this.#back(() => this.#constant());
    const type = this.#next();
    const minus = this.#take('n') ? '-' : '';
    const end = this.#text.indexOf('_', this.#at);
    const digits = this.#text.slice(this.#at, end);
    if (end < 0 || !/^[0-9a-f]{1,32}$/.test(digits)) throw NOT_UNDERSTOOD;
    this.#at = end + 1;
    if (type === 'b') return digits === '0' ? 'false' : 'true';
    if (type === 'c') return `'${String.fromCodePoint(Math.min(0x10ffff, Number.parseInt(digits, 16)))}'`;
    if (!/[hijlmnostxya]/.test(type)) throw NOT_UNDERSTOOD;
    return minus + BigInt(`0x${digits}`);
  }

  #back<T>(read: () => T): T {
    const here = this.#at - 1;
    const to = this.#base62();
    if (to >= here) throw NOT_UNDERSTOOD;
    const after = this.#at;
    this.#at = to;
    const result = read();
    this.#at = after;
    if (typeof result === 'string' && result.length > MAX_LENGTH) throw NOT_UNDERSTOOD;
    return result;
  }

  /** `s_` is 1, `s0_` 2; nothing is 0. */
  #disambiguator(): number {
    return this.#take('s') ? this.#base62() + 1 : 0;
  }

  #identifier(): string {
    const coded = this.#take('u');
    const digits = /^(0|[1-9]\d{0,5})/.exec(this.#text.slice(this.#at, this.#at + 6))?.[0];
    if (digits === undefined) throw NOT_UNDERSTOOD;
    this.#at += digits.length;
    this.#take('_');
    const name = this.#text.slice(this.#at, this.#at + Number(digits));
    if (name.length < Number(digits)) throw NOT_UNDERSTOOD;
    this.#at += name.length;
    return coded ? punycode(name) : name;
  }

  #base62(): number {
    if (this.#take('_')) return 0;
    let value = 0;
    for (;;) {
      const c = this.#next();
      if (c === '_') return value + 1;
      const digit = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'.indexOf(c);
      if (digit < 0) throw NOT_UNDERSTOOD;
      value = value * 62 + digit;
    }
  }

  #char(): string {
    return this.#text[this.#at] ?? '';
  }

  #next(): string {
    if (this.#at >= this.#text.length) throw NOT_UNDERSTOOD;
    return this.#text[this.#at++]!;
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #deeper(work: () => string): string {
    if (++this.#depth > MAX_DEPTH) throw NOT_UNDERSTOOD;
    const result = work();
    if (result.length > MAX_LENGTH) throw NOT_UNDERSTOOD;
    this.#depth--;
    return result;
  }
}

function letter(index: number): string {
  if (index < 0 || index > 25) throw NOT_UNDERSTOOD;
  return String.fromCharCode(0x61 + index);
}

/** Names that are not ASCII; the hyphen of RFC 3492 is an underscore here. */
function punycode(name: string): string {
  const hyphen = name.lastIndexOf('_');
  const out = hyphen < 0 ? [] : [...name.slice(0, hyphen)];
  let [n, i, bias] = [128, 0, 72];
  for (let at = hyphen + 1; at < name.length; ) {
    const old = i;
    for (let weight = 1, k = 36; ; k += 36) {
      const c = name.charCodeAt(at++);
      const digit = c >= 0x61 && c <= 0x7a ? c - 0x61 : c >= 0x30 && c <= 0x39 ? c - 22 : -1;
      if (digit < 0) throw NOT_UNDERSTOOD;
      i += digit * weight;
      const t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
      if (digit < t) break;
      weight *= 36 - t;
    }
    bias = adapted(i - old, out.length + 1, old === 0);
    n += Math.floor(i / (out.length + 1));
    i %= out.length + 1;
    if (n > 0x10ffff) throw NOT_UNDERSTOOD;
    out.splice(i++, 0, String.fromCodePoint(n));
  }
  return out.join('');
}

function adapted(delta: number, points: number, first: boolean): number {
  let rest = first ? Math.floor(delta / 700) : delta >> 1;
  rest += Math.floor(rest / points);
  let k = 0;
  for (; rest > 455; k += 36) rest = Math.floor(rest / 35);
  return k + Math.floor((36 * rest) / (rest + 38));
}
