import type { RecordView } from './types.ts';

/** One pair of views over a whole buffer, made once and used for every record in it. */
export function recordView(buffer: ArrayBuffer | Uint8Array): RecordView {
  if (buffer instanceof Uint8Array) {
    return { u8: buffer, dv: new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength) };
  }
  return { u8: new Uint8Array(buffer), dv: new DataView(buffer) };
}
