import { bitsNumber, bytesOf, readExpression, sizeOf } from './generate-read.ts';
import type { ArrayPlan, BitsPlan, IntPlan, Plan, StructPlan } from './plan.ts';
import { plus, type Source } from './source.ts';
import { writeI32, writeI64, writePointer, writeU32, writeU64 } from './write-numbers.ts';
import { stringify, writeBytes, writeChars, writeJson, writeTexts } from './write-text.ts';

/** A statement that writes one value and moves `p` behind it, and the most bytes it writes. */
export interface Leaf {
  readonly statement: string;
  readonly maxBytes: number;
  /** Whether it may write bytes over 0x7f without {@link writeJson} noticing. */
  readonly utf8?: boolean;
}

/** Room that a text of one byte may need: a control character becomes six (`\u001f`). */
export const ESCAPED = 6;
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');

export type LeafPlan = Exclude<Plan, ArrayPlan | StructPlan>;

/** In scope of the statement: `out` and its parts `ob` (bytes), `od` (DataView), `p`, `u8`, `dv`, `end`. */
export function jsonLeaf(src: Source, plan: LeafPlan, base: string, offset: number): Leaf {
  const at = plus(base, offset);
  const plain = { ...plan, format: undefined };
  switch (plan.kind) {
    case 'int':
      return intLeaf(src, plan, at);
    case 'bits':
      return bitsLeaf(src, plan, at);
    case 'bool':
      return boolLeaf(src, readExpression(src, plain, base, offset, false));
    case 'float':
      return asText(src, readExpression(src, plain, base, offset, true), 25);
    case 'enum': {
      const number = { kind: 'int', size: plan.size, signed: plan.signed } as const;
      return enumLeaf(src, readExpression(src, number, base, offset, false), plan.names);
    }
    case 'ptr':
      return { statement: `p=${src.constant(writePointer)}(od,p,${halves(base, offset)});`, maxBytes: 20 };
    case 'chars': {
      const count = bytesOf(src, plan, base, offset);
      const where = `u8,${at},${sizeOf(plan, at)}`;
      const statement =
        count === undefined
          ? `p=${src.constant(writeChars)}(out,p,${where});`
          : `p=${src.constant(writeTexts)}(out,p,${where},${count});`;
      return { statement, maxBytes: plan.size * ESCAPED + 2 };
    }
  }
}

/** The upper and lower 32 bits of the 64 at a place. */
function halves(base: string, offset: number): string {
  return `dv.getUint32(${plus(base, offset + 4)},true),dv.getUint32(${plus(base, offset)},true)`;
}

function intLeaf(src: Source, { size, signed, bigEndian }: IntPlan, at: string): Leaf {
  if (size === 8) {
    const write = src.constant(signed && !bigEndian ? writeI64 : writeU64);
    const parts = bigEndian ? `dv.getUint32(${at}),dv.getUint32(${plus(at, 4)})` : halves(at, 0);
    return { statement: `p=${write}(od,p,${parts});`, maxBytes: 20 };
  }
  const number = readExpression(src, { kind: 'int', size, signed, bigEndian }, at, 0, false);
  if (size === 16) return asText(src, number, 40);
  return { statement: `p=${src.constant(signed ? writeI32 : writeU32)}(od,p,${number});`, maxBytes: 11 };
}

function bitsLeaf(src: Source, plan: BitsPlan, at: string): Leaf {
  const number = bitsNumber(src, plan, at);
  if (plan.meaning === 'bool') return boolLeaf(src, `(${number})!==0`);
  if (plan.meaning !== 'int') return enumLeaf(src, number, plan.meaning);
  if (plan.bit + plan.width > 32) return asText(src, number, 40);
  return { statement: `p=${src.constant(plan.signed ? writeI32 : writeU32)}(od,p,${number});`, maxBytes: 11 };
}

function boolLeaf(src: Source, condition: string): Leaf {
  const words = `${src.constant(TRUE)}:${src.constant(FALSE)}`;
  return { statement: `p=${src.constant(writeBytes)}(out,p,${condition}?${words});`, maxBytes: 5 };
}

function asText(src: Source, expression: string, maxBytes: number): Leaf {
  const text = `${src.constant(stringify)}(${expression})`;
  return { statement: `p=${src.constant(writeJson)}(out,p,${text});`, maxBytes };
}

function enumLeaf(src: Source, number: string, names: ReadonlyMap<number | bigint, string>): Leaf {
  const quoted = new Map([...names].map(([value, name]) => [value, Buffer.from(JSON.stringify(name))]));
  let longest = 20;
  let utf8 = false;
  for (const bytes of quoted.values()) {
    longest = Math.max(longest, bytes.length);
    utf8 ||= bytes.some((c) => c >= 0x80);
  }
  const [table, bytes, json] = [quoted, writeBytes, writeJson].map((c) => src.constant(c));
  const body = `const b=${table}.get(v);return b?${bytes}(out,p,b):${json}(out,p,String(v));`;
  return { statement: `p=${src.helper('out,p,v', body)}(out,p,${number});`, maxBytes: longest, utf8 };
}
