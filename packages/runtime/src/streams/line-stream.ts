import type { RecordView, Value } from '@skep/bpf';
import { StreamInfo, type StreamInit } from './stream.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A stream of lines of text with the one field `line`. A record is a line and the zero byte that ends it. */
export class LineStream extends StreamInfo {
  constructor(id: number, init: Omit<StreamInit, 'fields' | 'decoder'>) {
    super(id, { ...init, fields: [{ name: 'line', role: 'field', numeric: false }] });
  }

  override text(_field: number, { u8 }: RecordView, offset: number): string {
    const end = u8.indexOf(0, offset);
    return decoder.decode(u8.subarray(offset, end < 0 ? undefined : end));
  }

  override read(field: number, view: RecordView, offset: number): Value {
    return this.text(field, view, offset);
  }

  override json(view: RecordView, offset: number): string {
    return JSON.stringify({ line: this.text(0, view, offset) });
  }

  override jsonInto(out: RecordView, position: number, view: RecordView, offset: number): number {
    const text = this.json(view, offset);
    if (text.length * 3 > out.u8.length - position) return -1;
    return position + encoder.encodeInto(text, out.u8.subarray(position)).written;
  }
}
