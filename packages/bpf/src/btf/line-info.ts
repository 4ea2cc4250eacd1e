import type { Elf } from '../elf/elf.ts';
import { btfInvalid } from './blob.ts';
import { Btf } from './btf.ts';
import { relocated } from './from-elf.ts';

/** Where one instruction comes from. */
export interface SourceLine {
  /** Bytes from the start of the section; an instruction is 8 bytes (16 for a 64-bit load). */
  readonly offset: number;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The line as it stands in the source, trimmed, and cut when it is longer than 4 KiB. */
  readonly text: string;
}

/** Source lines of each program section, by section name, ascending by offset. */
export type LineInfo = ReadonlyMap<string, readonly SourceLine[]>;

const RECORD = 16;
/** Instructions of the largest program the kernel takes, several times over. */
const MAX_RECORDS = 4_000_000;

/**
 * The source lines of an object's instructions, from its `.BTF.ext` section (btf.rst, "struct btf_ext_line_info").
 * Empty when the object has none.
 * @throws {BpfError} `SKEP_BTF_INVALID`
 */
export function lineInfo(elf: Elf, btf: Btf = Btf.fromElf(elf)): LineInfo {
  const section = elf.section('.BTF.ext');
  const out = new Map<string, SourceLine[]>();
  if (!section || section.data.length === 0) return out;
  const bytes = relocated(elf, section);
  const dv = new DataView(bytes.buffer);
  if (bytes.length < 24 || dv.getUint16(0, true) !== 0xeb9f) throw btfInvalid('its .BTF.ext has no header');
  let at = dv.getUint32(4, true) + dv.getUint32(16, true);
  const end = at + dv.getUint32(20, true);
  if (end > bytes.length) throw btfInvalid('its line information ends after the data');
  if (end - at < 4) return out;
  const stride = dv.getUint32(at, true);
  if (stride < RECORD || stride % 4 !== 0) throw btfInvalid(`a line record has ${stride} bytes`);
  // The same lines are named by many instructions: read each string once.
  const strings = new Map<number, string>();
  const text = (offset: number): string => {
    const known = strings.get(offset);
    if (known !== undefined) return known;
    const read = btf.string(offset, true).trim();
    strings.set(offset, read);
    return read;
  };
  for (at += 4; at < end; ) {
    if (at + 8 > end) throw btfInvalid('its line information is cut short');
    const name = text(dv.getUint32(at, true));
    const count = dv.getUint32(at + 4, true);
    at += 8;
    if (count > MAX_RECORDS || at + count * stride > end)
      throw btfInvalid('its line information is cut short');
    const lines = out.get(name) ?? [];
    for (let i = 0; i < count; i++, at += stride) {
      const where = dv.getUint32(at + 12, true);
      lines.push({
        offset: dv.getUint32(at, true),
        file: text(dv.getUint32(at + 4, true)),
        line: where >>> 10,
        column: where & 0x3ff,
        text: text(dv.getUint32(at + 8, true)),
      });
    }
    out.set(name, lines);
  }
  for (const lines of out.values()) lines.sort((a, b) => a.offset - b.offset);
  return out;
}

/** The source line of the instruction at `offset` bytes into a section: the last one that begins at or before it. */
export function sourceLineAt(lines: readonly SourceLine[], offset: number): SourceLine | undefined {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (lines[middle]!.offset <= offset) low = middle + 1;
    else high = middle;
  }
  return lines[low - 1];
}
