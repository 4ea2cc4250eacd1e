import { type BpfLink, type RecordView, recordView } from '@skep/bpf';
import type { Stream } from '../contract/stream.ts';
import type { PlannedIterator } from '../streams/iterators.ts';
import type { WireContext } from './wire.ts';

const NEWLINE = 10;

/** An attached iterator that is read. */
export interface IteratorSource {
  readonly stream?: Stream;
  readonly events: number;
  readonly filtered: number;
  /** Runs the program over all there is, and hands out what it wrote. Nothing once it is detached. */
  read(): void;
}

/** Connects an iterator program with its links, one for each thing that it was pointed at. */
export function iterate(
  { stream, rowSize }: PlannedIterator,
  links: readonly BpfLink[],
  ctx: Pick<WireContext, 'take' | 'onRecord' | 'onDrained' | 'ledger' | 'recordFilter'>,
): IteratorSource {
  const passes = stream && ctx.recordFilter(stream);
  let events = 0;
  let filtered = 0;
  const record = (view: RecordView, offset: number, length: number): void => {
    if (passes && !passes(view, offset)) {
      events++;
      filtered++;
    } else if (ctx.take(stream!)) {
      events++;
      ctx.onRecord(stream!, view, offset, length, Date.now());
    }
  };
  const rows = (bytes: Uint8Array, size: number): void => {
    const view = recordView(bytes);
    const whole = bytes.length - (bytes.length % size);
    for (let at = 0; at < whole; at += size) record(view, at, size);
    // It wrote something else than it declares.
    if (whole < bytes.length) ctx.ledger.add(stream!.map, 'short_record', 1);
  };
  const lines = (written: Uint8Array): void => {
    // A line ends with a zero byte where it lies in the stream's records; the last may have no newline.
    const bytes = new Uint8Array(written.length + 1);
    bytes.set(written);
    const view = recordView(bytes);
    for (let at = 0; at < written.length; ) {
      const newline = bytes.indexOf(NEWLINE, at);
      const end = newline < 0 ? written.length : newline;
      bytes[end] = 0;
      record(view, at, end - at + 1);
      at = end + 1;
    }
  };
  return {
    stream,
    get events() {
      return events;
    },
    get filtered() {
      return filtered;
    },
    read() {
      for (const link of links) {
        if (link.closed) continue;
        const bytes = link.readIteratorNow();
        if (!stream) continue;
        if (rowSize === undefined) lines(bytes);
        else rows(bytes, rowSize);
        ctx.onDrained();
      }
    },
  };
}
