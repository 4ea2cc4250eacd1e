import { type BtfBlob, btfInvalid } from './blob.ts';
import type { BtfEnumerator, BtfLinkage, BtfMember, BtfType } from './types.ts';

/** All names of one type together: only names that overlap on purpose come near. */
const MAX_NAMES = 1 << 22;

/** What a type's bytes are read with: names may live in the base of a split BTF. */
export interface TypeContext {
  readonly blob: BtfBlob;
  /** Types there are, those of the base included; ids must be below it. */
  readonly count: number;
  string(offset: number): string;
}

/** Makes the object of the type that begins at `at`. */
export function readType(context: TypeContext, id: number, at: number): BtfType {
  const { blob, count } = context;
  const { dv } = blob;
  const kind = blob.kindAt(at);
  const info = dv.getUint32(at + 4, true);
  const vlen = info & 0xffff;
  const flag = info >>> 31 === 1;
  /** Size or type, by kind. */
  const third = dv.getUint32(at + 8, true);
  const body = at + 12;
  let budget = MAX_NAMES;
  const text = (offset: number): string => {
    const s = context.string(offset);
    budget -= s.length;
    if (budget < 0) throw btfInvalid(`the names of type ${id} overlap`);
    return s;
  };
  const ref = (type: number): number => {
    if (type >= count) throw btfInvalid(`type ${id} refers to type ${type}, but there are ${count - 1}`);
    return type;
  };
  const linkage = (n: number): BtfLinkage => (n === 0 ? 'static' : n === 1 ? 'global' : 'extern');
  const name = text(dv.getUint32(at, true));
  const list = <T>(stride: number, read: (entry: number) => T): T[] => {
    const out: T[] = [];
    for (let i = 0; i < vlen; i++) out.push(read(body + i * stride));
    return out;
  };
  switch (kind) {
    case 'void':
      return { kind, id, name };
    case 'int': {
      const data = dv.getUint32(body, true);
      const encoding = (data >>> 24) & 0xf;
      const bits = data & 0xff;
      const bitOffset = (data >>> 16) & 0xff;
      if (third === 0 || third > 16 || bits === 0 || bits + bitOffset > third * 8) {
        throw btfInvalid(`the integer "${name}" has ${bits} bits at bit ${bitOffset} of ${third} bytes`);
      }
      const [signed, char, bool] = [(encoding & 1) !== 0, (encoding & 2) !== 0, (encoding & 4) !== 0];
      return { kind, id, name, size: third, bits, bitOffset, signed, char, bool };
    }
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
      return { kind, id, name, type: ref(third) };
    case 'array': {
      const [element, index] = [ref(dv.getUint32(body, true)), ref(dv.getUint32(body + 4, true))];
      return { kind, id, name, element, index, length: dv.getUint32(body + 8, true) };
    }
    case 'struct':
    case 'union': {
      const members = list(12, (e): BtfMember => {
        const where = dv.getUint32(e + 8, true);
        // btf.rst, BTF_KIND_STRUCT: with the kind flag the upper 8 bits are a bit field's width.
        const [bitOffset, bitSize] = flag ? [where & 0xffffff, where >>> 24] : [where, 0];
        return {
          name: text(dv.getUint32(e, true)),
          type: ref(dv.getUint32(e + 4, true)),
          bitOffset,
          bitSize,
        };
      });
      return { kind, id, name, size: third, members };
    }
    case 'enum': {
      const raw = list(8, (e) => dv.getInt32(e + 4, true));
      const signed = flag || raw.some((v) => v < 0 && v >= -4095);
      const values = list(8, (e): BtfEnumerator => {
        const value = signed ? dv.getInt32(e + 4, true) : dv.getUint32(e + 4, true);
        return { name: text(dv.getUint32(e, true)), value };
      });
      return { kind, id, name, size: third, signed, flagged: flag, values };
    }
    case 'enum64': {
      const values = list(12, (e): BtfEnumerator => {
        const low = BigInt(dv.getUint32(e + 4, true));
        const high = BigInt(flag ? dv.getInt32(e + 8, true) : dv.getUint32(e + 8, true));
        const exact = (high << 32n) + low;
        const value = Number(exact);
        return { name: text(dv.getUint32(e, true)), value: Number.isSafeInteger(value) ? value : exact };
      });
      return { kind, id, name, size: third, signed: flag, flagged: flag, values };
    }
    case 'fwd':
      return { kind, id, name, union: flag };
    case 'func':
      return { kind, id, name, type: ref(third), linkage: linkage(vlen) };
    case 'func_proto': {
      const parameters = list(8, (e) => ({
        name: text(dv.getUint32(e, true)),
        type: ref(dv.getUint32(e + 4, true)),
      }));
      return { kind, id, name, returns: ref(third), parameters };
    }
    case 'var':
      return { kind, id, name, type: ref(third), linkage: linkage(dv.getUint32(body, true)) };
    case 'datasec': {
      const variables = list(12, (e) => ({
        type: ref(dv.getUint32(e, true)),
        offset: dv.getUint32(e + 4, true),
        size: dv.getUint32(e + 8, true),
      }));
      return { kind, id, name, size: third, variables };
    }
    case 'float':
      return { kind, id, name, size: third };
    case 'decl_tag':
      return { kind, id, name, type: ref(third), component: dv.getInt32(body, true) };
  }
}
