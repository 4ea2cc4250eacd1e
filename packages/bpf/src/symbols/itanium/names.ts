import { MAX_LENGTH, NOT_UNDERSTOOD } from './cursor.ts';
import { OPERATORS, SPECIAL } from './tables.ts';
import { parameterList, plain, shown } from './type.ts';
import { TypeParser } from './types.ts';

/** How the parameters of a generic lambda are written. */
const GENERIC: readonly string[] = Array.from({ length: 16 }, (_, i) => `auto:${i + 1}`);

/** `operator<` and its list are kept apart. */
function withList(name: string, list: string): string {
  return name.endsWith('<') ? `${name} ${list}` : name + list;
}

/** Reads the names of functions, and what else has one's name in it. */
export class NameParser extends TypeParser {
  /** What is no function but has one's name in it: a table, a thunk. */
  special(): string | undefined {
    const text = SPECIAL[this.text.slice(this.at, this.at + 2)];
    if (text !== undefined) {
      this.at += 2;
      return text + (text.startsWith('TLS') || text.startsWith('guard') ? this.name() : shown(this.type()));
    }
    if (this.take('Tc')) {
      this.offset();
      this.offset();
      return `covariant return thunk to ${this.name()}`;
    }
    if (this.peek('Th') || this.peek('Tv')) {
      this.at++;
      const kind = this.peek('v') ? 'virtual thunk to ' : 'non-virtual thunk to ';
      this.offset();
      return kind + this.name();
    }
    return undefined;
  }

  name(): string {
    return this.deeper(() => {
      if (this.peek('N')) return this.nestedName();
      if (this.peek('Z')) return this.localName();
      if (this.peek('S') && !this.peek('St')) {
        const known = this.substitution();
        this.last = known.last;
        return this.withArguments(shown(known), false);
      }
      const std = this.take('St') ? 'std::' : '';
      return this.withArguments(std + this.unqualified(), true);
    });
  }

  /** Template arguments behind a name; the name alone can be named again. */
  protected withArguments(name: string, fresh: boolean): string {
    if (!this.peek('I')) return name;
    if (fresh) this.remember(plain(name, this.last));
    return withList(name, this.templateArguments());
  }

  protected nestedName(): string {
    this.at++;
    // Of the function, `const` and the like: left out with its parameters.
    while (/[rVKRO]/.test(this.char())) this.at++;
    let path = '';
    let isKnown = false;
    while (!this.take('E')) {
      if (path !== '' && !isKnown) this.remember(plain(path, this.last));
      isKnown = false;
      if (this.peek('I')) {
        if (path === '') throw NOT_UNDERSTOOD;
        path = withList(path, this.templateArguments());
      } else if (this.peek('S') && !this.peek('St')) {
        if (path !== '') throw NOT_UNDERSTOOD;
        const known = this.substitution();
        path = shown(known);
        this.last = known.last;
        isKnown = true;
      } else if (this.peek('T') || (this.peek('D') && /[tT]/.test(this.text[this.at + 1] ?? ''))) {
        path = shown(this.type());
        isKnown = true;
      } else if (path === '' && this.take('St')) {
        path = 'std';
        isKnown = true;
      } else {
        const part = this.unqualified();
        path = path === '' ? part : `${path}::${part}`;
      }
      if (path.length > MAX_LENGTH) throw NOT_UNDERSTOOD;
    }
    return path;
  }

  /** A name within a function: `f()::local`. Parameters of that function are left out like all others. */
  protected localName(): string {
    this.at++;
    const saved = this.arguments;
    const outer = this.encoding();
    if (!this.take('E')) throw NOT_UNDERSTOOD;
    if (this.take('s')) {
      this.discriminator();
      return `${outer}::string literal`;
    }
    if (this.take('d')) {
      if (/\d/.test(this.char())) this.number();
      if (!this.take('_')) throw NOT_UNDERSTOOD;
    }
    const inner = this.name();
    this.discriminator();
    this.arguments = saved;
    return `${outer}::${inner}`;
  }

  /** A function with its parameters, which are read past. */
  protected encoding(): string {
    const name = this.special() ?? this.name();
    while (!this.peek('E') && this.at < this.text.length) this.type();
    return name;
  }

  protected discriminator(): void {
    if (!this.take('_')) return;
    if (this.take('_')) {
      this.number();
      this.take('_');
    } else this.next();
  }

  protected unqualified(): string {
    const c = this.char();
    let name: string;
    if (/\d/.test(c)) name = this.source();
    else if (c === 'L') {
      // A name that only its file knows.
      this.at++;
      return this.unqualified();
    } else if (c === 'C' && /[1-5I]/.test(this.text[this.at + 1] ?? '')) {
      this.at++;
      if (this.next() === 'I') {
        this.at++;
        this.type();
      }
      name = this.last;
    } else if (c === 'D' && /[0-5]/.test(this.text[this.at + 1] ?? '')) {
      this.at += 2;
      name = `~${this.last}`;
      return this.tagged(name);
    } else if (c === 'U') name = this.unnamed();
    else if (this.take('DC')) {
      const parts: string[] = [];
      while (!this.take('E')) parts.push(this.source());
      name = `[${parts.join(', ')}]`;
    } else name = this.operator();
    this.last = name;
    return this.tagged(name);
  }

  protected tagged(name: string): string {
    let out = name;
    while (this.take('B')) out += `[abi:${this.source()}]`;
    return out;
  }

  protected unnamed(): string {
    if (this.take('Ut')) return `{unnamed type#${this.ordinal()}}`;
    if (!this.take('Ul')) throw NOT_UNDERSTOOD;
    const types: string[] = [];
    const saved = this.arguments;
    this.arguments = GENERIC;
    while (!this.take('E')) types.push(shown(this.type()));
    this.arguments = saved;
    return `{lambda(${parameterList(types)})#${this.ordinal()}}`;
  }

  /** `_` is the first, `0_` the second. */
  protected ordinal(): number {
    if (this.take('_')) return 1;
    const n = this.number() + 2;
    if (!this.take('_')) throw NOT_UNDERSTOOD;
    return n;
  }

  protected operator(): string {
    const code = this.text.slice(this.at, this.at + 2);
    this.at += 2;
    if (code === 'cv') return `operator ${shown(this.type())}`;
    if (code === 'li') return `operator"" ${this.source()}`;
    const text = OPERATORS[code];
    if (text === undefined) throw NOT_UNDERSTOOD;
    return `operator${text}`;
  }

  protected source(): string {
    const length = this.number();
    const name = this.text.slice(this.at, this.at + length);
    if (length === 0 || name.length < length) throw NOT_UNDERSTOOD;
    this.at += length;
    return name.startsWith('_GLOBAL__N') ? '(anonymous namespace)' : name;
  }

  protected offset(): void {
    const kind = this.next();
    this.take('n');
    this.number();
    if (!this.take('_')) throw NOT_UNDERSTOOD;
    if (kind !== 'v') return;
    this.take('n');
    this.number();
    if (!this.take('_')) throw NOT_UNDERSTOOD;
  }
}
