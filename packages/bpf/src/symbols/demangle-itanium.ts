/**
 * The name of a C++ function out of its mangled form, without its parameters; undefined for what is not understood
 * (expressions in template arguments that are more than a number, a name or an address).
 *
 * Source: Itanium C++ ABI, 5.1 External Names.
 */
export function demangleItanium(mangled: string): string | undefined {
  const end = mangled.search(/[.@]/);
  const body = end < 0 ? mangled : mangled.slice(0, end);
  try {
    const parser = new Parser(body.slice(body.indexOf('_Z') + 2));
    const name = parser.special() ?? parser.name();
    return name + clone(end < 0 ? '' : mangled.slice(end));
  } catch (error) {
    if (error === NOT_UNDERSTOOD) return undefined;
    throw error;
  }
}

/** `.cold`, `.isra.0`: the compiler's clone of a function. */
function clone(suffix: string): string {
  return suffix === '' || suffix.startsWith('@') ? '' : ` [clone ${suffix}]`;
}

const NOT_UNDERSTOOD = new Error('not understood');
/** Deeper than names are, shallower than our stack. */
const MAX_DEPTH = 200;
/** Substitutions can make a short name long without bound. */
const MAX_LENGTH = 65_536;

const BUILTIN: Readonly<Record<string, string>> = {
  v: 'void', w: 'wchar_t', b: 'bool', c: 'char', a: 'signed char', h: 'unsigned char', s: 'short', t: 'unsigned short',
  i: 'int', j: 'unsigned int', l: 'long', m: 'unsigned long', x: 'long long', y: 'unsigned long long', n: '__int128',
  o: 'unsigned __int128', f: 'float', d: 'double', e: 'long double', g: '__float128', z: '...',
}; // biome-ignore format: a table
const BUILTIN_D: Readonly<Record<string, string>> = {
  d: 'decimal64', e: 'decimal128', f: 'decimal32', h: 'half', i: 'char32_t', s: 'char16_t', u: 'char8_t', a: 'auto',
  c: 'decltype(auto)', n: 'decltype(nullptr)',
}; // biome-ignore format: a table
const STANDARD: Readonly<Record<string, string>> = {
  t: 'std', a: 'std::allocator', b: 'std::basic_string', s: 'std::string', i: 'std::istream', o: 'std::ostream',
  d: 'std::iostream',
}; // biome-ignore format: a table
/** What a constructor of std::string is called by. */
const STANDARD_LAST: Readonly<Record<string, string>> = { s: 'basic_string', i: 'basic_istream', o: 'basic_ostream', d: 'basic_iostream' }; // biome-ignore format: a table
const OPERATORS: Readonly<Record<string, string>> = {
  nw: ' new', na: ' new[]', dl: ' delete', da: ' delete[]', ps: '+', ng: '-', ad: '&', de: '*', co: '~', pl: '+', mi: '-',
  ml: '*', dv: '/', rm: '%', an: '&', or: '|', eo: '^', aS: '=', pL: '+=', mI: '-=', mL: '*=', dV: '/=', rM: '%=',
  aN: '&=', oR: '|=', eO: '^=', ls: '<<', rs: '>>', lS: '<<=', rS: '>>=', eq: '==', ne: '!=', lt: '<', gt: '>',
  le: '<=', ge: '>=', ss: '<=>', nt: '!', aa: '&&', oo: '||', pp: '++', mm: '--', cm: ',', pm: '->*', pt: '->',
  cl: '()', ix: '[]', qu: '?', aw: ' co_await',
}; // biome-ignore format: a table
const SPECIAL: Readonly<Record<string, string>> = {
  TV: 'vtable for ', TT: 'VTT for ', TI: 'typeinfo for ', TS: 'typeinfo name for ', TH: 'TLS init function for ',
  TW: 'TLS wrapper function for ', GV: 'guard variable for ',
}; // biome-ignore format: a table

/** How the parameters of a generic lambda are written. */
const GENERIC: readonly string[] = Array.from({ length: 16 }, (_, i) => `auto:${i + 1}`);

/** A type around the place where a declarator's name would stand: `int (*` and `)(char)`. */
interface Type {
  readonly left: string;
  readonly right: string;
  /** A function or an array: a pointer to it needs parentheses. */
  readonly whole?: boolean;
}

/** What a substitution stands for. */
interface Known extends Type {
  /** The last part of a name, by which constructors are called. */
  readonly last: string;
}

/** `operator<` and its list are kept apart. */
function withList(name: string, list: string): string {
  return name.endsWith('<') ? `${name} ${list}` : name + list;
}

const plain = (text: string, last = text): Known => ({ left: text, right: '', last });

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  readonly #known: Known[] = [];
  #arguments: readonly string[] = [];
  /** The last part of the name so far. */
  #last = '';

  constructor(text: string) {
    this.#text = text;
  }

  /** What is no function but has one's name in it: a table, a thunk. */
  special(): string | undefined {
    const text = SPECIAL[this.#text.slice(this.#at, this.#at + 2)];
    if (text !== undefined) {
      this.#at += 2;
      return (
        text + (text.startsWith('TLS') || text.startsWith('guard') ? this.name() : this.#shown(this.type()))
      );
    }
    if (this.#take('Tc')) {
      this.#offset();
      this.#offset();
      return `covariant return thunk to ${this.name()}`;
    }
    if (this.#peek('Th') || this.#peek('Tv')) {
      this.#at++;
      const kind = this.#peek('v') ? 'virtual thunk to ' : 'non-virtual thunk to ';
      this.#offset();
      return kind + this.name();
    }
    return undefined;
  }

  name(): string {
    return this.#deeper(() => {
      if (this.#peek('N')) return this.#nested();
      if (this.#peek('Z')) return this.#local();
      if (this.#peek('S') && !this.#peek('St')) {
        const known = this.#substitution();
        this.#last = known.last;
        return this.#withArguments(this.#shown(known), false);
      }
      const std = this.#take('St') ? 'std::' : '';
      return this.#withArguments(std + this.#unqualified(), true);
    });
  }

  /** Template arguments behind a name; the name alone can be named again. */
  #withArguments(name: string, fresh: boolean): string {
    if (!this.#peek('I')) return name;
    if (fresh) this.#remember(plain(name, this.#last));
    return withList(name, this.#templateArguments());
  }

  #nested(): string {
    this.#at++;
    // Of the function, `const` and the like: left out with its parameters.
    while (/[rVKRO]/.test(this.#char())) this.#at++;
    let path = '';
    let isKnown = false;
    while (!this.#take('E')) {
      if (path !== '' && !isKnown) this.#remember(plain(path, this.#last));
      isKnown = false;
      if (this.#peek('I')) {
        if (path === '') throw NOT_UNDERSTOOD;
        path = withList(path, this.#templateArguments());
      } else if (this.#peek('S') && !this.#peek('St')) {
        if (path !== '') throw NOT_UNDERSTOOD;
        const known = this.#substitution();
        path = this.#shown(known);
        this.#last = known.last;
        isKnown = true;
      } else if (this.#peek('T') || (this.#peek('D') && /[tT]/.test(this.#text[this.#at + 1] ?? ''))) {
        path = this.#shown(this.type());
        isKnown = true;
      } else if (path === '' && this.#take('St')) {
        path = 'std';
        isKnown = true;
      } else {
        const part = this.#unqualified();
        path = path === '' ? part : `${path}::${part}`;
      }
      if (path.length > MAX_LENGTH) throw NOT_UNDERSTOOD;
    }
    return path;
  }

  /** A name within a function: `f()::local`. Parameters of that function are left out like all others. */
  #local(): string {
    this.#at++;
    const saved = this.#arguments;
    const outer = this.#encoding();
    if (!this.#take('E')) throw NOT_UNDERSTOOD;
    if (this.#take('s')) {
      this.#discriminator();
      return `${outer}::string literal`;
    }
    if (this.#take('d')) {
      if (/\d/.test(this.#char())) this.#number();
      if (!this.#take('_')) throw NOT_UNDERSTOOD;
    }
    const inner = this.name();
    this.#discriminator();
    this.#arguments = saved;
    return `${outer}::${inner}`;
  }

  /** A function with its parameters, which are read past. */
  #encoding(): string {
    const name = this.special() ?? this.name();
    while (!this.#peek('E') && this.#at < this.#text.length) this.type();
    return name;
  }

  #discriminator(): void {
    if (!this.#take('_')) return;
    if (this.#take('_')) {
      this.#number();
      this.#take('_');
    } else this.#next();
  }

  #unqualified(): string {
    const c = this.#char();
    let name: string;
    if (/\d/.test(c)) name = this.#source();
    else if (c === 'L') {
      // A name that only its file knows.
      this.#at++;
      return this.#unqualified();
    } else if (c === 'C' && /[1-5I]/.test(this.#text[this.#at + 1] ?? '')) {
      this.#at++;
      if (this.#next() === 'I') {
        this.#at++;
        this.type();
      }
      name = this.#last;
    } else if (c === 'D' && /[0-5]/.test(this.#text[this.#at + 1] ?? '')) {
      this.#at += 2;
      name = `~${this.#last}`;
      return this.#tagged(name);
    } else if (c === 'U') name = this.#unnamed();
    else if (this.#take('DC')) {
      const parts: string[] = [];
      while (!this.#take('E')) parts.push(this.#source());
      name = `[${parts.join(', ')}]`;
    } else name = this.#operator();
    this.#last = name;
    return this.#tagged(name);
  }

  #tagged(name: string): string {
    let out = name;
    while (this.#take('B')) out += `[abi:${this.#source()}]`;
    return out;
  }

  #unnamed(): string {
    if (this.#take('Ut')) return `{unnamed type#${this.#ordinal()}}`;
    if (!this.#take('Ul')) throw NOT_UNDERSTOOD;
    const types: string[] = [];
    const saved = this.#arguments;
    this.#arguments = GENERIC;
    while (!this.#take('E')) types.push(this.#shown(this.type()));
    this.#arguments = saved;
    const shown = types.length === 1 && types[0] === 'void' ? '' : types.join(', ');
    return `{lambda(${shown})#${this.#ordinal()}}`;
  }

  /** `_` is the first, `0_` the second. */
  #ordinal(): number {
    if (this.#take('_')) return 1;
    const n = this.#number() + 2;
    if (!this.#take('_')) throw NOT_UNDERSTOOD;
    return n;
  }

  #operator(): string {
    const code = this.#text.slice(this.#at, this.#at + 2);
    this.#at += 2;
    if (code === 'cv') return `operator ${this.#shown(this.type())}`;
    if (code === 'li') return `operator"" ${this.#source()}`;
    const text = OPERATORS[code];
    if (text === undefined) throw NOT_UNDERSTOOD;
    return `operator${text}`;
  }

  #source(): string {
    const length = this.#number();
    const name = this.#text.slice(this.#at, this.#at + length);
    if (length === 0 || name.length < length) throw NOT_UNDERSTOOD;
    this.#at += length;
    return name.startsWith('_GLOBAL__N') ? '(anonymous namespace)' : name;
  }

  type(): Type {
    return this.#deeper(() => this.#type());
  }

  #type(): Type {
    const c = this.#char();
    if (BUILTIN[c] !== undefined) {
      this.#at++;
      return plain(BUILTIN[c]);
    }
    if (/[rVK]/.test(c)) {
      let text = '';
      while (/[rVK]/.test(this.#char()))
        text = { r: ' restrict', V: ' volatile', K: ' const' }[this.#next()]! + text;
      const of = this.type();
      return this.#remember(of.whole ? { ...of, right: of.right + text } : { ...of, left: of.left + text });
    }
    if (c === 'P' || c === 'R' || c === 'O') {
      this.#at++;
      const mark = { P: '*', R: '&', O: '&&' }[c];
      return this.#remember(this.#pointer(this.type(), mark));
    }
    if (c === 'F') return this.#remember(this.#function());
    if (c === 'A') return this.#remember(this.#array());
    if (c === 'M') {
      this.#at++;
      const of = this.#shown(this.type());
      return this.#remember(this.#pointer(this.type(), `${of}::*`));
    }
    if (c === 'D') return this.#typeD();
    if (c === 'u') {
      this.#at++;
      return this.#remember(plain(this.#source()));
    }
    if (c === 'T') return this.#parameter();
    if (c === 'S' && !this.#peek('St')) {
      const known = this.#substitution();
      if (!this.#peek('I')) return known;
      return this.#remember(plain(this.#shown(known) + this.#templateArguments(true), known.last));
    }
    // A class or an enum.
    const saved = this.#last;
    const savedArguments = this.#arguments;
    const text = this.name();
    const named = plain(text, this.#last);
    this.#last = saved;
    this.#arguments = savedArguments;
    return this.#remember(named);
  }

  #typeD(): Type {
    const code = this.#text[this.#at + 1] ?? '';
    if (BUILTIN_D[code] !== undefined) {
      this.#at += 2;
      return plain(BUILTIN_D[code]);
    }
    if (this.#take('Dp')) return this.#remember(this.type());
    if (this.#take('Do')) {
      const of = this.#function();
      return this.#remember({ ...of, right: `${of.right} noexcept` });
    }
    if (this.#take('Dv')) {
      const n = this.#number();
      if (!this.#take('_')) throw NOT_UNDERSTOOD;
      return this.#remember(plain(`${this.#shown(this.type())} __vector(${n})`));
    }
    throw NOT_UNDERSTOOD;
  }

  #pointer(of: Type, mark: string): Type {
    if (!of.whole) {
      // A reference to a reference is the first one.
      const collapsed =
        /&$/.test(of.left) && (mark === '&' || mark === '&&')
          ? of.left.replace(/&+$/, mark === '&' ? '&' : '$&')
          : undefined;
      return { left: collapsed ?? `${of.left}${mark.includes('::') ? ' ' : ''}${mark}`, right: of.right };
    }
    return { left: `${of.left}${of.left.endsWith(' ') ? '' : ' '}(${mark}`, right: `)${of.right}` };
  }

  #function(): Type {
    if (!this.#take('F')) throw NOT_UNDERSTOOD;
    this.#take('Y');
    const returns = this.#shown(this.type());
    const types: string[] = [];
    let reference = '';
    while (!this.#take('E')) {
      if (this.#take('RE')) {
        reference = ' &';
        break;
      }
      if (this.#take('OE')) {
        reference = ' &&';
        break;
      }
      types.push(this.#shown(this.type()));
    }
    const shown = types.length === 1 && types[0] === 'void' ? '' : types.join(', ');
    return { left: `${returns} `, right: `(${shown})${reference}`, whole: true };
  }

  #array(): Type {
    this.#at++;
    const size = /\d/.test(this.#char()) ? String(this.#number()) : '';
    if (!this.#take('_')) throw NOT_UNDERSTOOD;
    const of = this.type();
    return { left: of.left, right: ` [${size}]${of.right.trimStart()}`, whole: true };
  }

  #parameter(): Type {
    this.#at++;
    const i = this.#take('_') ? 0 : this.#number() + 1;
    if (i > 0 && !this.#take('_')) throw NOT_UNDERSTOOD;
    const text = this.#arguments[i];
    if (text === undefined) throw NOT_UNDERSTOOD;
    const known = this.#remember(plain(text));
    return this.#peek('I') ? this.#remember(plain(text + this.#templateArguments(true))) : known;
  }

  /** @param inType the arguments of a type, which T_ does not speak of */
  #templateArguments(inType = false): string {
    const saved = this.#last;
    const outer = this.#arguments;
    this.#at++;
    const out: string[] = [];
    while (!this.#take('E')) out.push(this.#argument());
    this.#last = saved;
    this.#arguments = inType ? outer : out;
    const list = out.filter((text) => text !== '').join(', ');
    return `<${list}${list.endsWith('>') ? ' ' : ''}>`;
  }

  #argument(): string {
    return this.#deeper(() => {
      if (this.#peek('L')) return this.#literal();
      if (this.#take('J')) {
        const out: string[] = [];
        while (!this.#take('E')) out.push(this.#argument());
        return out.join(', ');
      }
      if (this.#take('X')) {
        const text = this.#expression();
        if (!this.#take('E')) throw NOT_UNDERSTOOD;
        return text;
      }
      return this.#shown(this.type());
    });
  }

  #expression(): string {
    if (this.#peek('L')) return this.#literal();
    if (this.#take('ad') && this.#peek('L')) return `&${this.#literal()}`;
    throw NOT_UNDERSTOOD;
  }

  #literal(): string {
    this.#at++;
    if (this.#take('_Z')) {
      const saved = this.#arguments;
      const text = this.#encoding();
      this.#arguments = saved;
      if (!this.#take('E')) throw NOT_UNDERSTOOD;
      return text;
    }
    const code = this.#char();
    const type = this.#shown(this.type());
    const end = this.#text.indexOf('E', this.#at);
    if (end < 0) throw NOT_UNDERSTOOD;
    const digits = this.#text.slice(this.#at, end).replace(/^n/, '-');
    this.#at = end + 1;
    if (!/^-?[0-9a-f]*$/.test(digits)) throw NOT_UNDERSTOOD;
    if (code === 'b') return digits === '0' ? 'false' : 'true';
    const suffix = { i: '', j: 'u', l: 'l', m: 'ul', x: 'll', y: 'ull' }[code];
    return suffix === undefined ? `(${type})${digits}` : `${digits}${suffix}`;
  }

  #substitution(): Known {
    this.#at++;
    const c = this.#char();
    if (STANDARD[c] !== undefined) {
      this.#at++;
      const known = plain(STANDARD[c], STANDARD_LAST[c] ?? STANDARD[c].slice(5));
      return known;
    }
    const end = this.#text.indexOf('_', this.#at);
    const digits = this.#text.slice(this.#at, end);
    if (end < 0 || !/^[0-9A-Z]*$/.test(digits)) throw NOT_UNDERSTOOD;
    this.#at = end + 1;
    const found = this.#known[digits === '' ? 0 : Number.parseInt(digits, 36) + 1];
    if (found === undefined) throw NOT_UNDERSTOOD;
    return found;
  }

  #remember<T extends Type>(type: T): T {
    const last = 'last' in type ? String(type.last) : type.left;
    if (type.left.length + type.right.length > MAX_LENGTH) throw NOT_UNDERSTOOD;
    this.#known.push({ ...type, last });
    return type;
  }

  #shown({ left, right }: Type): string {
    return left + right;
  }

  #offset(): void {
    const kind = this.#next();
    this.#take('n');
    this.#number();
    if (!this.#take('_')) throw NOT_UNDERSTOOD;
    if (kind !== 'v') return;
    this.#take('n');
    this.#number();
    if (!this.#take('_')) throw NOT_UNDERSTOOD;
  }

  #number(): number {
    const digits = /^\d+/.exec(this.#text.slice(this.#at, this.#at + 12))?.[0];
    if (digits === undefined) throw NOT_UNDERSTOOD;
    this.#at += digits.length;
    return Number(digits);
  }

  #char(): string {
    return this.#text[this.#at] ?? '';
  }

  #next(): string {
    if (this.#at >= this.#text.length) throw NOT_UNDERSTOOD;
    return this.#text[this.#at++]!;
  }

  #peek(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #take(text: string): boolean {
    if (!this.#peek(text)) return false;
    this.#at += text.length;
    return true;
  }

  #deeper<T>(work: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw NOT_UNDERSTOOD;
    const result = work();
    this.#depth--;
    return result;
  }
}
