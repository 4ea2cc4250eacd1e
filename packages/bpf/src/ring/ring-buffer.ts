import { recordView } from '../decode/record-view.ts';
import type { RecordView } from '../decode/types.ts';
import { BpfError } from '../errors.ts';
import type { BpfMap } from '../maps/map.ts';
import { type MemoryHandle, native } from '../native.ts';
import { mapMemory, readerClosed, readerReentered, wrongMap } from './memory.ts';
import type { OnRecord, RecordReader } from './reader.ts';

// A record begins with 8 bytes: u32 length with two flags, u32 page offset (kernel/bpf/ringbuf.c).
const HEADER = 8;
const DISCARDED = 0x4000_0000;
const LENGTH = 0x3fff_ffff;

/**
 * Maps a ring buffer (kernel 5.8) and reads its records in place. Its data is mapped twice in a row, so that
 * no record ever wraps.
 * @throws {BpfError} `SKEP_ARGUMENT` for another type of map, `SKEP_STATE` before load, `SKEP_CLOSED`,
 * `SKEP_MAP_OPERATION` when it cannot be mapped
 */
export function openRingBuffer(map: BpfMap): RecordReader {
  if (map.type !== 'ringbuf') throw wrongMap(map, 'ringbuf');
  return new RingBuffer(map);
}

class RingBuffer implements RecordReader {
  readonly view: RecordView;
  readonly capacity: number;
  readonly #map: BpfMap;
  readonly #memory: MemoryHandle;
  readonly #mask: number;
  readonly #data: number;
  readonly #producerAt: number;
  /** 32-bit words of everything: record headers and the low words of positions. */
  readonly #words: Int32Array;
  readonly #consumer: BigInt64Array;
  /** Bytes read before the room is given back. */
  readonly #chunk: number;
  /** Positions are 64 bits; low words are compared modulo 2^32, which a buffer below 4 GiB allows. */
  #low: number;
  #high: bigint;
  #draining = false;
  #closing = false;
  #closed = false;

  constructor(map: BpfMap) {
    const page = native().pageSize;
    this.#map = map;
    this.capacity = native().mapInfo(map.fd).maxEntries;
    const { handle, buffer } = mapMemory(map, () => native().ringMap(map.fd, this.capacity));
    this.#memory = handle;
    this.view = recordView(buffer);
    this.#words = new Int32Array(buffer);
    this.#consumer = new BigInt64Array(buffer, 0, 1);
    this.#producerAt = page >>> 2;
    this.#data = 2 * page;
    this.#mask = this.capacity - 1;
    this.#chunk = this.capacity >>> 3;
    const position = Atomics.load(this.#consumer, 0);
    this.#low = Number(BigInt.asIntN(32, position));
    this.#high = position >> 32n;
  }

  get fd(): number {
    return this.#map.fd;
  }

  get available(): number {
    this.#open();
    return (Atomics.load(this.#words, this.#producerAt) - this.#low) >>> 0;
  }

  drain(onRecord: OnRecord, limit = Number.POSITIVE_INFINITY): number {
    this.#open();
    if (this.#draining) throw readerReentered(this.#map);
    this.#draining = true;
    const words = this.#words;
    const mask = this.#mask;
    const data = this.#data;
    const chunk = this.#chunk;
    let count = 0;
    let position = this.#low;
    let published = position;
    try {
      // Atomics: on arm64 a record's bytes must not be read before the header that says they are there.
      const end = Atomics.load(words, this.#producerAt);
      while (position !== end && count < limit) {
        const at = data + (position & mask);
        const header = Atomics.load(words, at >>> 2);
        if (header < 0) break; // bit 31: reserved by a program, not submitted yet
        const length = header & LENGTH;
        const size = (length + HEADER + 7) & -8;
        // Past the end there would be no end.
        if (size > ((end - position) | 0)) throw corrupt(this.#map, length);
        position = (position + size) | 0;
        if ((header & DISCARDED) === 0) {
          count++;
          onRecord(at + HEADER, length);
        }
        if (((position - published) | 0) >= chunk) {
          this.#publish(position);
          published = position;
        }
      }
    } finally {
      this.#draining = false;
      if (position !== published) this.#publish(position);
      if (this.#closing) this.#unmap();
    }
    return count;
  }

  readonly countsLost = false;

  lost(): bigint {
    return 0n;
  }

  close(): void {
    if (this.#draining) this.#closing = true;
    else if (!this.#closed) this.#unmap();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The kernel reads the position as one 64-bit word while we write it: two halves would tear. */
  #publish(low: number): void {
    if (low >>> 0 < this.#low >>> 0) this.#high++;
    this.#low = low;
    Atomics.store(this.#consumer, 0, (this.#high << 32n) | BigInt(low >>> 0));
  }

  #unmap(): void {
    this.#closed = true;
    native().memoryClose(this.#memory);
  }

  #open(): void {
    if (this.#closed || this.#closing) throw readerClosed(this.#map);
  }
}

function corrupt(map: BpfMap, length: number): BpfError {
  return new BpfError(
    'SKEP_MAP_OPERATION',
    `Ring buffer "${map.name}" holds a record of ${length} bytes, more than was written`,
    {
      hint: 'Is another process reading from the same buffer? A ring buffer has one reader.',
      object: map.name,
    },
  );
}
