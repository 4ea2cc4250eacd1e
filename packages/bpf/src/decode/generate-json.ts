import { ESCAPED, jsonLeaf } from './generate-json-leaf.ts';
import { elementCount, membersOf, readExpression } from './generate-read.ts';
import type { ArrayPlan, Plan } from './plan.ts';
import { plus, type Source } from './source.ts';
import { stringify, writeJson } from './write-text.ts';

/**
 * Writes the statements that put a plan's JSON into `out` at `p`. In scope: `out` and its parts `ob` (bytes) and
 * `od` (DataView), `p`, `view` and its parts `u8` and `dv`, `end` of the record, and `need`: the room that was
 * asked for at the start.
 *
 * Text between values is known beforehand and written eight bytes a store.
 */
export class JsonEmitter {
  readonly #src: Source;
  #code = '';
  #pending = '';
  #loops = 0;
  /** Most bytes this writes, apart from flexible arrays and texts of formats. */
  fixedBytes = 0;
  /** Most bytes for each byte of the record, on behalf of flexible arrays. */
  bytesPerByte = 0;
  /** Whether names alone need UTF-8. */
  utf8Names = false;

  constructor(src: Source) {
    this.#src = src;
  }

  finish(): string {
    this.#flush();
    return this.#code;
  }

  /** `copies`: how often this runs in one record, for the account of room. */
  emit(plan: Plan, base: string, offset: number, copies = 1): void {
    const at = plus(base, offset);
    const { format } = plan;
    if (format?.jsonInto) {
      const writer = this.#src.constant(format.jsonInto);
      this.#write(`p=${writer}.write(out,p,view,${at});`, format.jsonInto.maxBytes * copies);
    } else if (format?.json) {
      this.#any(readExpression(this.#src, plan, base, offset, true));
    } else if (plan.kind === 'array') {
      this.#array(plan, at, copies);
    } else if (plan.kind === 'struct' || plan.kind === 'union') {
      let separator = '{';
      for (const m of membersOf(plan.members)) {
        this.#text(`${separator}${JSON.stringify(m.name)}:`, copies);
        this.emit(format ? withoutFormats(m.plan) : m.plan, base, offset + m.offset, copies);
        separator = ',';
      }
      this.#text(separator === '{' ? '{}' : '}', copies);
    } else {
      const leaf = jsonLeaf(this.#src, plan, base, offset);
      this.#write(leaf.statement, leaf.maxBytes * copies);
      if (plan.kind === 'chars' && plan.flexible) this.bytesPerByte += ESCAPED;
      this.utf8Names ||= leaf.utf8 === true;
    }
  }

  #text(text: string, copies: number): void {
    this.#pending += text;
    this.fixedBytes += Buffer.byteLength(text) * copies;
  }

  #write(statement: string, maxBytes: number): void {
    this.#flush();
    this.#code += statement;
    this.fixedBytes += maxBytes;
  }

  #flush(): void {
    const bytes = Buffer.from(this.#pending);
    this.#pending = '';
    if (bytes.length === 0) return;
    let i = 0;
    if (bytes.some((b) => b >= 0x80)) this.utf8Names = true;
    // ASCII alone: other bytes could make a double that is a NaN, whose bits a store may change.
    else
      for (; i + 8 <= bytes.length; i += 8) {
        this.#code += `od.setFloat64(p+${i},${bytes.readDoubleLE(i)},true);`;
      }
    for (; i + 4 <= bytes.length; i += 4) this.#code += `od.setUint32(p+${i},${bytes.readUInt32LE(i)},true);`;
    for (; i < bytes.length; i++) this.#code += `ob[p+${i}]=${bytes[i]};`;
    this.#code += `p+=${bytes.length};`;
  }

  /** A value whose length nobody knows beforehand: asks for room again. */
  #any(expression: string): void {
    const [json, text] = [this.#src.constant(writeJson), this.#src.constant(stringify)];
    const put = `if(p+3*t.length+need>ob.length)return -1;p=${json}(out,p,t);`;
    this.#write(`{const t=${text}(${expression});${put}}`, 0);
  }

  #array(plan: ArrayPlan, at: string, copies: number): void {
    const n = this.#loops++;
    const element = plan.format ? withoutFormats(plan.element) : plan.element;
    this.#text('[', copies);
    this.#flush();
    this.#code += `const s${n}=${at},n${n}=${elementCount(plan, at)};for(let i${n}=0;i${n}<n${n};i${n}++){`;
    this.#code += `if(i${n}!==0)ob[p++]=44;const b${n}=s${n}+i${n}*${plan.element.size};`;
    const before = this.fixedBytes;
    this.emit(element, `b${n}`, 0, plan.flexible ? 1 : copies * plan.length);
    this.#flush();
    this.#code += '}';
    if (plan.flexible) {
      this.bytesPerByte += (this.fixedBytes - before + 1) / Math.max(1, element.size);
    } else {
      this.fixedBytes += plan.length * copies;
    }
    this.#text(']', copies);
  }
}

/** A format that takes a value whole, but leaves its JSON plain, leaves the parts plain too. */
function withoutFormats(plan: Plan): Plan {
  if (plan.kind === 'array') return { ...plan, format: undefined, element: withoutFormats(plan.element) };
  if (plan.kind !== 'struct' && plan.kind !== 'union') return { ...plan, format: undefined };
  const members = plan.members.map((m) => ({ ...m, plan: withoutFormats(m.plan) }));
  return { ...plan, format: undefined, members };
}
