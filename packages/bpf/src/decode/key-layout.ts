import { BpfError } from '../errors.ts';
import type { PlannedColumn } from './columns.ts';
import type { Plan } from './plan.ts';

/** Which bits of a record make its key: those of its fields, not the padding between, not what follows a NUL. */
export interface KeyLayout {
  /** Bytes of a record. */
  readonly size: number;
  /** One byte for each byte of the record; bits that are set belong to the key. */
  readonly mask: Uint8Array;
  /** Texts: only bytes before the first NUL count. */
  readonly strings: readonly { readonly offset: number; readonly size: number }[];
}

/** No label set is larger; a larger one would cost more to compare than to decode. */
const MAX_KEY = 16_384;

/** The layout of the key that these columns make together. Flexible arrays are no part of it. */
export function layoutOf(name: string, size: number, columns: readonly PlannedColumn[]): KeyLayout {
  if (size > MAX_KEY) {
    throw new BpfError(
      'SKEP_TYPE_UNSUPPORTED',
      `Records of "${name}" (${size} bytes) are too large to be keys.`,
      {
        hint: `Count or label by a struct of at most ${MAX_KEY} bytes.`,
      },
    );
  }
  const mask = new Uint8Array(size);
  const strings: { offset: number; size: number }[] = [];
  const mark = (plan: Plan, offset: number, alone: boolean): void => {
    switch (plan.kind) {
      case 'bits':
        for (let bit = plan.bit; bit < plan.bit + plan.width; bit++) {
          mask[offset + (bit >> 3)]! |= 1 << (bit & 7);
        }
        break;
      case 'chars':
        mask.fill(0xff, offset, offset + plan.size);
        // In a union inside of an array a text shares its bytes, and of several texts no NUL is the end; then all of them count.
        if (plan.size > 1 && alone && plan.bytes === undefined) strings.push({ offset, size: plan.size });
        break;
      case 'array':
        for (let i = 0; i < plan.length; i++) mark(plan.element, offset + i * plan.element.size, alone);
        break;
      case 'struct':
      case 'union':
        for (const m of plan.members) mark(m.plan, offset + m.offset, alone && plan.kind === 'struct');
        break;
      default:
        mask.fill(0xff, offset, offset + plan.size);
    }
  };
  for (const { column, plan } of columns) mark(plan, column.offset, true);
  return { size, mask, strings: apart(strings, columns) };
}

/** The same for unions that columns were made of. */
function apart(strings: { offset: number; size: number }[], columns: readonly PlannedColumn[]) {
  return strings.filter(({ offset, size }) => {
    const sharing = columns.filter(
      (c) => c.column.offset < offset + size && offset < c.column.offset + c.column.size,
    );
    return sharing.length <= 1;
  });
}
