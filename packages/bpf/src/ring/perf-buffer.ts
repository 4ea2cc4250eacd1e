import { recordView } from '../decode/record-view.ts';
import type { RecordView } from '../decode/types.ts';
import { BpfError } from '../errors.ts';
import { onlineCpus } from '../kernel/cpus.ts';
import type { BpfMap } from '../maps/map.ts';
import { type MemoryHandle, native } from '../native.ts';
import { mapMemory, readerClosed, readerReentered, wrongMap } from './memory.ts';
import { pending } from './pending.ts';
import type { OnRecord, RecordReader } from './reader.ts';

/** Shape of a perf buffer. */
export interface PerfBufferOptions {
  /** Pages for each CPU, a power of two; default 64 (256 KiB). */
  pages?: number;
  /**
   * Instead of `pages`: what it may have over all CPUs, as a ring buffer would. Each CPU gets its share in whole pages
   * that are a power of two, but 32 KiB at least unless all of it is less.
   */
  bytes?: number;
  /** Bytes that must have gathered on a CPU before {@link RecordReader.fd} becomes readable; default 1. */
  wakeupBytes?: number;
}

// include/uapi/linux/perf_event.h
const PERF_TYPE_SOFTWARE = 1;
const PERF_COUNT_SW_BPF_OUTPUT = 10;
const RECORD_LOST = 2;
const RECORD_SAMPLE = 9;
/** perf_event_mmap_page: byte offsets of data_head and data_tail. */
const DATA_HEAD = 1024;
const DATA_TAIL = 1032;
/** u32 type, u16 misc, u16 size. */
const HEADER = 8;
const SCRATCH = 65536;

/**
 * Opens a perf event array as one reader over all online CPUs. Order holds within a CPU only.
 *
 * A record that wraps at the end of its CPU's buffer is copied to scratch memory that is part of `view` too.
 * @throws {BpfError} `SKEP_ARGUMENT` for another type of map or a wrong count of pages or bytes, `SKEP_STATE` before
 * load, `SKEP_CLOSED`, `SKEP_MAP_OPERATION` when it cannot be made
 */
export function openPerfBuffer(map: BpfMap, options: PerfBufferOptions = {}): RecordReader {
  if (map.type !== 'perf_event_array') throw wrongMap(map, 'perf_event_array');
  const { pages = options.bytes ? sharePages(options.bytes) : 64, wakeupBytes = 1 } = options;
  if (!Number.isInteger(wakeupBytes) || wakeupBytes < 1 || wakeupBytes > 0xffff_ffff) {
    throw new BpfError('SKEP_ARGUMENT', `A perf buffer cannot wake its reader every ${wakeupBytes} bytes`, {
      hint: 'Give a whole number from 1 on.',
      object: map.name,
    });
  }
  if (!Number.isInteger(pages) || pages < 1 || pages > 1 << 18 || (pages & (pages - 1)) !== 0) {
    throw new BpfError('SKEP_ARGUMENT', `A perf buffer of ${pages} pages for each CPU is not possible`, {
      hint: 'Give a power of two: 8, 64, 512.',
      object: map.name,
    });
  }
  return new PerfBuffer(map, pages, wakeupBytes);
}

/** A CPU's share of so many bytes is not less than this, unless all of them are. */
const LEAST_SHARE = 32 * 1024;

function sharePages(bytes: number): number {
  const share = Math.max(bytes / onlineCpus().length, Math.min(bytes, LEAST_SHARE));
  return 2 ** Math.ceil(Math.log2(Math.max(1, share / native().pageSize)));
}

/** One CPU's part: where its pages lie in the view, and how far it is read. */
interface Cpu {
  readonly fd: number;
  /** Byte offset of its data. */
  readonly data: number;
  /** Index of data_head's low word. */
  readonly headAt: number;
  readonly tail: BigInt64Array;
  /** Position modulo 2^32, and the words above. */
  low: number;
  high: bigint;
}

class PerfBuffer implements RecordReader {
  readonly view: RecordView;
  readonly fd: number;
  readonly capacity: number;
  readonly #map: BpfMap;
  readonly #memory: MemoryHandle;
  readonly #words: Int32Array;
  readonly #cpus: readonly Cpu[];
  readonly #size: number;
  readonly #scratch: number;
  #lostRecords = 0;
  /** Where the next drain with a limit begins, so that one busy CPU cannot starve the others. */
  #first = 0;
  #draining = false;
  #closing = false;
  #closed = false;

  constructor(map: BpfMap, pages: number, wakeupBytes: number) {
    const n = native();
    this.#map = map;
    this.#size = pages * n.pageSize;
    const fds: number[] = [];
    let memory: ReturnType<typeof n.perfMap> | undefined;
    const opened = mapMemory(map, () => {
      try {
        const cpus = onlineCpus();
        const config = [
          PERF_TYPE_SOFTWARE,
          PERF_COUNT_SW_BPF_OUTPUT,
          1,
          false,
          true,
          wakeupBytes,
          -1,
        ] as const;
        for (const cpu of cpus) fds.push(n.perfOpen(...config, cpu));
        const list = new Uint8Array(Int32Array.from(fds).buffer);
        const epoll = n.epollOf(list);
        fds.push(epoll);
        memory = n.perfMap(list, pages);
        cpus.forEach((cpu, i) => {
          const u32 = (v: number) => new Uint8Array(Uint32Array.of(v).buffer);
          n.perfEnable(fds[i]!);
          n.mapUpdate(map.fd, u32(cpu), u32(fds[i]!), 0);
        });
        return { ...memory, epoll };
      } catch (cause) {
        if (memory) n.memoryClose(memory.handle);
        for (const fd of fds) n.fdClose(fd);
        throw cause;
      }
    });
    this.fd = opened.epoll;
    this.#memory = opened.handle;
    this.view = recordView(opened.buffer);
    this.#words = new Int32Array(opened.buffer);
    const stride = this.#size + n.pageSize;
    this.#cpus = fds.slice(0, -1).map((fd, i) => ({
      fd,
      data: i * stride + n.pageSize,
      headAt: (i * stride + DATA_HEAD) >>> 2,
      tail: new BigInt64Array(opened.buffer, i * stride + DATA_TAIL, 1),
      low: 0,
      high: 0n,
    }));
    this.#scratch = this.#cpus.length * stride;
    this.capacity = this.#cpus.length * this.#size;
    pending.set(this.fd, () => !this.#closed && this.available > 0);
  }

  get available(): number {
    this.#open();
    return this.#cpus.reduce((sum, c) => sum + ((Atomics.load(this.#words, c.headAt) - c.low) >>> 0), 0);
  }

  drain(onRecord: OnRecord, limit = Number.POSITIVE_INFINITY): number {
    this.#open();
    if (this.#draining) throw readerReentered(this.#map);
    this.#draining = true;
    let count = 0;
    try {
      const cpus = this.#cpus;
      const first = this.#first;
      for (let i = 0; i < cpus.length && count < limit; i++) {
        this.#first = (first + i) % cpus.length;
        count += this.#drainCpu(cpus[this.#first]!, onRecord, limit - count);
      }
    } finally {
      this.#draining = false;
      if (this.#closing) this.#release();
    }
    return count;
  }

  #drainCpu(cpu: Cpu, onRecord: OnRecord, limit: number): number {
    const { dv } = this.view;
    const size = this.#size;
    const mask = size - 1;
    let count = 0;
    let position = cpu.low;
    let published = position;
    try {
      const end = Atomics.load(this.#words, cpu.headAt);
      while (position !== end && count < limit) {
        const start = position & mask;
        // Records are padded to 8 bytes, so a header never wraps.
        let at = cpu.data + start;
        const type = dv.getUint32(at, true);
        const length = dv.getUint16(at + 6, true);
        if (length < HEADER || length > (end - position) >>> 0) throw corrupt(this.#map, length);
        if (start + length > size) at = this.#unwrap(cpu, start, length);
        position = (position + length) | 0;
        if (type === RECORD_SAMPLE) {
          // u32 size of the raw data, padded so that size and data together are a multiple of 8
          const raw = dv.getUint32(at + HEADER, true);
          if (raw > length - HEADER - 4) throw corrupt(this.#map, raw);
          count++;
          onRecord(at + HEADER + 4, raw);
        } else if (type === RECORD_LOST) {
          this.#lostRecords += Number(dv.getBigUint64(at + HEADER + 8, true));
        }
        if (((position - published) | 0) >= size >>> 3) {
          publish(cpu, position);
          published = position;
        }
      }
    } finally {
      if (position !== published) publish(cpu, position);
    }
    return count;
  }

  get countsLost(): boolean {
    this.#open();
    return this.#cpus.every((c) => native().perfLost(c.fd) >= 0);
  }

  lost(): bigint {
    this.#open();
    let sum = 0;
    for (const c of this.#cpus) {
      const n = native().perfLost(c.fd);
      // Before 6.0 the kernel does not keep count: a LOST record tells, once the next record gets through.
      if (n < 0) return BigInt(this.#lostRecords);
      sum += n;
    }
    return BigInt(sum);
  }

  close(): void {
    if (this.#draining) this.#closing = true;
    else if (!this.#closed) this.#release();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Copies a record that wraps into the scratch memory. */
  #unwrap(cpu: Cpu, start: number, length: number): number {
    const { u8 } = this.view;
    const head = this.#size - start;
    u8.copyWithin(this.#scratch, cpu.data + start, cpu.data + this.#size);
    u8.copyWithin(this.#scratch + head, cpu.data, cpu.data + length - head);
    return this.#scratch;
  }

  #release(): void {
    this.#closed = true;
    pending.delete(this.fd);
    native().memoryClose(this.#memory);
    native().fdClose(this.fd);
    for (const c of this.#cpus) native().fdClose(c.fd);
  }

  #open(): void {
    if (this.#closed || this.#closing) throw readerClosed(this.#map);
  }
}

/** The kernel reads the position as one 64-bit word. */
function publish(cpu: Cpu, low: number): void {
  if (low >>> 0 < cpu.low >>> 0) cpu.high++;
  cpu.low = low;
  Atomics.store(cpu.tail, 0, (cpu.high << 32n) | BigInt(low >>> 0));
}

function corrupt(map: BpfMap, length: number): BpfError {
  return new BpfError(
    'SKEP_MAP_OPERATION',
    `Perf buffer "${map.name}" holds a record of ${length} bytes, which cannot be`,
    {
      hint: `Is another process reading from the same buffer? Records are 8 to ${SCRATCH} bytes.`,
      object: map.name,
    },
  );
}
