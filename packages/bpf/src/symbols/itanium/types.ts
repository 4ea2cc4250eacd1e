import { Cursor, MAX_LENGTH, NOT_UNDERSTOOD } from './cursor.ts';
import { BUILTIN, BUILTIN_D, STANDARD, STANDARD_LAST } from './tables.ts';
import { type Known, parameterList, plain, pointer, shown, type Type } from './type.ts';

/** Reads types and template arguments, which have names in them. */
export abstract class TypeParser extends Cursor {
  protected readonly known: Known[] = [];
  protected arguments: readonly string[] = [];
  /** The last part of the name so far. */
  protected last = '';

  abstract name(): string;
  protected abstract source(): string;
  protected abstract encoding(): string;

  type(): Type {
    return this.deeper(() => this.unshared());
  }

  protected unshared(): Type {
    const c = this.char();
    if (BUILTIN[c] !== undefined) {
      this.at++;
      return plain(BUILTIN[c]);
    }
    if (/[rVK]/.test(c)) {
      let text = '';
      while (/[rVK]/.test(this.char()))
        text = { r: ' restrict', V: ' volatile', K: ' const' }[this.next()]! + text;
      const of = this.type();
      return this.remember(of.whole ? { ...of, right: of.right + text } : { ...of, left: of.left + text });
    }
    if (c === 'P' || c === 'R' || c === 'O') {
      this.at++;
      const mark = { P: '*', R: '&', O: '&&' }[c];
      return this.remember(pointer(this.type(), mark));
    }
    if (c === 'F') return this.remember(this.functionType());
    if (c === 'A') return this.remember(this.arrayType());
    if (c === 'M') {
      this.at++;
      const of = shown(this.type());
      return this.remember(pointer(this.type(), `${of}::*`));
    }
    if (c === 'D') return this.typeD();
    if (c === 'u') {
      this.at++;
      return this.remember(plain(this.source()));
    }
    if (c === 'T') return this.parameter();
    if (c === 'S' && !this.peek('St')) {
      const known = this.substitution();
      if (!this.peek('I')) return known;
      return this.remember(plain(shown(known) + this.templateArguments(true), known.last));
    }
    // A class or an enum.
    const saved = this.last;
    const savedArguments = this.arguments;
    const text = this.name();
    const named = plain(text, this.last);
    this.last = saved;
    this.arguments = savedArguments;
    return this.remember(named);
  }

  protected typeD(): Type {
    const code = this.text[this.at + 1] ?? '';
    if (BUILTIN_D[code] !== undefined) {
      this.at += 2;
      return plain(BUILTIN_D[code]);
    }
    if (this.take('Dp')) return this.remember(this.type());
    if (this.take('Do')) {
      const of = this.functionType();
      return this.remember({ ...of, right: `${of.right} noexcept` });
    }
    if (this.take('Dv')) {
      const n = this.number();
      if (!this.take('_')) throw NOT_UNDERSTOOD;
      return this.remember(plain(`${shown(this.type())} __vector(${n})`));
    }
    throw NOT_UNDERSTOOD;
  }

  protected functionType(): Type {
    if (!this.take('F')) throw NOT_UNDERSTOOD;
    this.take('Y');
    const returns = shown(this.type());
    const types: string[] = [];
    let reference = '';
    while (!this.take('E')) {
      if (this.take('RE')) {
        reference = ' &';
        break;
      }
      if (this.take('OE')) {
        reference = ' &&';
        break;
      }
      types.push(shown(this.type()));
    }
    return { left: `${returns} `, right: `(${parameterList(types)})${reference}`, whole: true };
  }

  protected arrayType(): Type {
    this.at++;
    const size = /\d/.test(this.char()) ? String(this.number()) : '';
    if (!this.take('_')) throw NOT_UNDERSTOOD;
    const of = this.type();
    return { left: of.left, right: ` [${size}]${of.right.trimStart()}`, whole: true };
  }

  protected parameter(): Type {
    this.at++;
    const i = this.take('_') ? 0 : this.number() + 1;
    if (i > 0 && !this.take('_')) throw NOT_UNDERSTOOD;
    const text = this.arguments[i];
    if (text === undefined) throw NOT_UNDERSTOOD;
    const known = this.remember(plain(text));
    return this.peek('I') ? this.remember(plain(text + this.templateArguments(true))) : known;
  }

  /** @param inType the arguments of a type, which T_ does not speak of */
  protected templateArguments(inType = false): string {
    const saved = this.last;
    const outer = this.arguments;
    this.at++;
    const out: string[] = [];
    while (!this.take('E')) out.push(this.argument());
    this.last = saved;
    this.arguments = inType ? outer : out;
    const list = out.filter((text) => text !== '').join(', ');
    return `<${list}${list.endsWith('>') ? ' ' : ''}>`;
  }

  protected argument(): string {
    return this.deeper(() => {
      if (this.peek('L')) return this.literal();
      if (this.take('J')) {
        const out: string[] = [];
        while (!this.take('E')) out.push(this.argument());
        return out.join(', ');
      }
      if (this.take('X')) {
        const text = this.expression();
        if (!this.take('E')) throw NOT_UNDERSTOOD;
        return text;
      }
      return shown(this.type());
    });
  }

  protected expression(): string {
    if (this.peek('L')) return this.literal();
    if (this.take('ad') && this.peek('L')) return `&${this.literal()}`;
    throw NOT_UNDERSTOOD;
  }

  protected literal(): string {
    this.at++;
    if (this.take('_Z')) {
      const saved = this.arguments;
      const text = this.encoding();
      this.arguments = saved;
      if (!this.take('E')) throw NOT_UNDERSTOOD;
      return text;
    }
    const code = this.char();
    const type = shown(this.type());
    const end = this.text.indexOf('E', this.at);
    if (end < 0) throw NOT_UNDERSTOOD;
    const digits = this.text.slice(this.at, end).replace(/^n/, '-');
    this.at = end + 1;
    if (!/^-?[0-9a-f]*$/.test(digits)) throw NOT_UNDERSTOOD;
    if (code === 'b') return digits === '0' ? 'false' : 'true';
    const suffix = { i: '', j: 'u', l: 'l', m: 'ul', x: 'll', y: 'ull' }[code];
    return suffix === undefined ? `(${type})${digits}` : `${digits}${suffix}`;
  }

  protected substitution(): Known {
    this.at++;
    const c = this.char();
    if (STANDARD[c] !== undefined) {
      this.at++;
      const known = plain(STANDARD[c], STANDARD_LAST[c] ?? STANDARD[c].slice(5));
      return known;
    }
    const end = this.text.indexOf('_', this.at);
    const digits = this.text.slice(this.at, end);
    if (end < 0 || !/^[0-9A-Z]*$/.test(digits)) throw NOT_UNDERSTOOD;
    this.at = end + 1;
    const found = this.known[digits === '' ? 0 : Number.parseInt(digits, 36) + 1];
    if (found === undefined) throw NOT_UNDERSTOOD;
    return found;
  }

  protected remember<T extends Type>(type: T): T {
    const last = 'last' in type ? String(type.last) : type.left;
    if (type.left.length + type.right.length > MAX_LENGTH) throw NOT_UNDERSTOOD;
    this.known.push({ ...type, last });
    return type;
  }
}
