import type { ArrayPlan, BitsPlan, CharsPlan, MemberPlan, Plan } from './plan.ts';
import { readBe64, readI64, readI128, readPointer, readU64, readU128, readWideBits } from './read-numbers.ts';
import { shortNumber } from './short-float.ts';
import { plus, quote, type Source } from './source.ts';
import { readChars, readTexts } from './strings.ts';

/**
 * The JavaScript expression that reads a plan's value. In scope: `u8` and `dv` (the buffer), `end` (where the
 * record ends), and whatever `base` names. `formatted` applies formats' `json`.
 */
export function readExpression(
  src: Source,
  plan: Plan,
  base: string,
  offset: number,
  formatted: boolean,
): string {
  const plain = plainExpression(src, plan, base, offset, formatted);
  return formatted && plan.format?.json ? `${src.constant(plan.format)}.json(${plain})` : plain;
}

function plainExpression(src: Source, plan: Plan, base: string, offset: number, formatted: boolean): string {
  const at = plus(base, offset);
  // Inside of a value that a format takes, formats of parts would only get in its way.
  const deeper = formatted && !plan.format;
  switch (plan.kind) {
    case 'int':
      return plan.bigEndian
        ? bigEndianExpression(src, plan.size, at)
        : intExpression(src, plan.size, plan.signed, at);
    case 'bits':
      return bitsExpression(src, plan, at);
    case 'bool':
      return `${intExpression(src, plan.size, false, at)}!==0`;
    case 'float':
      if (plan.size === 8) return `dv.getFloat64(${at},true)`;
      if (plan.size !== 4) return 'null';
      return formatted
        ? `${src.constant(shortNumber)}(dv.getFloat32(${at},true))`
        : `dv.getFloat32(${at},true)`;
    case 'enum':
      return named(src, plan.names, intExpression(src, plan.size, plan.signed, at));
    case 'ptr':
      return `${src.constant(readPointer)}(dv,${at})`;
    case 'chars': {
      const count = bytesOf(src, plan, base, offset);
      const read = count === undefined ? src.constant(readChars) : src.constant(readTexts);
      return `${read}(u8,${at},${sizeOf(plan, at)}${count === undefined ? '' : `,${count}`})`;
    }
    case 'array':
      return arrayExpression(src, plan, at, deeper);
    case 'struct':
    case 'union':
      return `{${membersOf(plan.members)
        .map((m) => `${key(m.name)}:${readExpression(src, m.plan, base, offset + m.offset, deeper)}`)
        .join(',')}}`;
  }
}

/** How many bytes there are for a text. */
export function sizeOf(plan: CharsPlan, at: string): string {
  return plan.flexible ? `Math.max(0,end-(${at}))` : `${plan.size}`;
}

/** How many bytes several texts have together, as the record says; undefined for a single one. */
export function bytesOf(src: Source, { bytes }: CharsPlan, base: string, offset: number): string | undefined {
  return bytes && `Number(${intExpression(src, bytes.size, bytes.signed, plus(base, offset + bytes.at))})`;
}

/** Members as C code names them: those of anonymous structs and unions among the others, offsets added up. */
export function membersOf(members: readonly MemberPlan[]): MemberPlan[] {
  return members.flatMap((m) => {
    if (m.name !== '' || (m.plan.kind !== 'struct' && m.plan.kind !== 'union')) return [m];
    const tagged = (inner: MemberPlan) => ({
      ...inner,
      offset: inner.offset + m.offset,
      tags: [...m.tags, ...inner.tags],
    });
    return membersOf(m.plan.members).map(tagged);
  });
}

/** A property in a literal; `__proto__` written plainly would set the prototype. */
function key(name: string): string {
  return name === '__proto__' ? '["__proto__"]' : quote(name);
}

function intExpression(src: Source, size: number, signed: boolean, at: string): string {
  switch (size) {
    case 1:
      return signed ? `dv.getInt8(${at})` : `u8[${at}]`;
    case 2:
      return `dv.get${signed ? 'Int' : 'Uint'}16(${at},true)`;
    case 4:
      return `dv.get${signed ? 'Int' : 'Uint'}32(${at},true)`;
    case 8:
      return `${src.constant(signed ? readI64 : readU64)}(dv,${at})`;
    default:
      return `${src.constant(signed ? readI128 : readU128)}(dv,${at})`;
  }
}

/** A number of 2, 4 or 8 bytes as it goes over a network, of which none has a sign. */
function bigEndianExpression(src: Source, size: number, at: string): string {
  return size === 8 ? `${src.constant(readBe64)}(dv,${at})` : `dv.getUint${size * 8}(${at})`;
}

/** The plain number of a bit field, before it becomes a bool or an enumerator. */
export function bitsNumber(src: Source, plan: BitsPlan, at: string): string {
  const { bit, width, signed, size } = plan;
  if (bit + width > 32) {
    return `${src.constant(readWideBits)}(u8,${at},${bit},${width},${signed})`;
  }
  const raw = [
    `u8[${at}]`,
    `dv.getUint16(${at},true)`,
    `(dv.getUint16(${at},true)|u8[${at}+2]<<16)`,
    `dv.getUint32(${at},true)`,
  ][size - 1]!;
  if (signed) return `(${raw}<<${32 - bit - width}>>${32 - width})`;
  return width === 32 ? raw : `(${raw}>>>${bit}&${2 ** width - 1})`;
}

function bitsExpression(src: Source, plan: BitsPlan, at: string): string {
  const number = bitsNumber(src, plan, at);
  if (plan.meaning === 'int') return number;
  return plan.meaning === 'bool' ? `${number}!==0` : named(src, plan.meaning, number);
}

function named(src: Source, names: ReadonlyMap<number | bigint, string>, number: string): string {
  const v = src.helper('v', `return ${src.constant(names)}.get(v)??v;`);
  return `${v}(${number})`;
}

/** How many elements an array has at `at`: a flexible one as many as fit into the record. */
export function elementCount(plan: ArrayPlan, at: string): string {
  if (!plan.flexible) return `${plan.length}`;
  return plan.element.size === 0 ? '0' : `Math.max(0,Math.floor((end-(${at}))/${plan.element.size}))`;
}

function arrayExpression(src: Source, plan: ArrayPlan, at: string, formatted: boolean): string {
  const element = readExpression(src, plan.element, 'b', 0, formatted);
  const loop = `const a=new Array(n);for(let i=0;i<n;i++){const b=s+i*${plan.element.size};a[i]=${element};}return a;`;
  return `${src.helper('u8,dv,s,n,end', loop)}(u8,dv,${at},${elementCount(plan, at)},end)`;
}
