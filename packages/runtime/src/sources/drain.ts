import { setTimeout as delay } from 'node:timers/promises';
import type { RecordReader, RecordView } from '@skep/bpf';

/** The part of a `RecordReader` that draining needs. */
export type DrainedReader = Pick<RecordReader, 'view' | 'capacity' | 'available' | 'drain'>;

/** The part of a `Poller` that draining needs. */
export interface WakeUp {
  start(): void;
  stop(): void;
}

export interface DrainOptions {
  reader: DrainedReader;
  /** Made once; calls back when the ring has something. */
  wakeUp: (onReadable: () => void) => WakeUp;
  onRecord: (view: RecordView, offset: number, length: number) => void;
  /** Before and after each batch. */
  onBatch: () => void;
  onDrained: (records: number) => void;
  /** How many records may be taken without a loss further on. Any number unless given. */
  room?: () => number;
  /** At most this long between two looks while events flow; by the ring's size unless given, {@link MAX_DELAY_MS} at most. */
  delayMs?: number;
  /** Something threw; draining has stopped. */
  onError: (error: unknown) => void;
}

/** At most this long between two looks while events flow. */
const MAX_DELAY_MS = 20;
/** After so many looks in vain, but not after this long, sleep until the kernel wakes us. */
const QUIET_LOOKS = 4;
const QUIET_MS = 200;
/** Records a turn of the event loop takes at most, so that timers and output get theirs. */
const BATCH = 20_000;
/** Fewer where they take longer than this, milliseconds: a stack that is named may cost a thousand times a number. */
const TURN_MS = 20;
const LEAST = 64;
/** Looks this often whether there is room again. */
const HELD_MS = 1;

/**
 * Decides when to look into a ring.
 *
 * A wake-up costs the reader and the watched program more than reading does. So nobody waits on the ring while
 * events flow: a timer drains it, sooner the faster it fills, at once while it is more than a quarter full. After a
 * quiet while the wake-up is armed instead, so that an idle probe costs nothing and its next event shows at once.
 * A program may ask for none (BPF_RB_NO_WAKEUP): who sleeps peeks now and then, and once it found events that nobody told
 * it of it relies on its timer alone.
 *
 * Where the records go to may be slow. Then they wait in the ring, which is there for that, until it is three quarters
 * full; from there on they are taken all the same, and whoever has no room for them counts them as lost: a ring that
 * overflows is not counted by every probe.
 */
export class Drain {
  readonly #o: DrainOptions;
  readonly #wakeUp: WakeUp;
  readonly #maxDelay: number;
  readonly #quietMs: number;
  readonly #record: (offset: number, length: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #lastEvent = 0;
  #lastLook = 0;
  #running = false;
  #asleep = false;
  /** Events came without a wake-up. */
  #untold = false;
  /** How often the ring had no room for a further record of the largest size seen. */
  foundFull = 0;
  #largest = 0;
  /** Records that a turn takes now. */
  #most = BATCH;
  /** Turns in a row that took too long: a single one may be the machine's doing. */
  #slow = 0;

  constructor(options: DrainOptions) {
    this.#o = options;
    this.#wakeUp = options.wakeUp(() => this.#woken());
    // A small ring fills in less: 64 KiB of it buy a millisecond.
    this.#maxDelay = options.delayMs ?? Math.max(1, Math.min(MAX_DELAY_MS, options.reader.capacity / 65_536));
    this.#quietMs = Math.min(QUIET_MS, QUIET_LOOKS * this.#maxDelay);
    const { onRecord, reader } = options;
    this.#record = (offset, length) => {
      if (length > this.#largest) this.#largest = length;
      onRecord(reader.view, offset, length);
    };
  }

  start(): void {
    this.#running = true;
    this.#sleep();
  }

  /** To be called at times: finds out whether there are events that nobody tells of. */
  peek(): void {
    if (this.#asleep && this.#o.reader.available > 0)
      this.#lookLater(() => {
        this.#untold = true;
      });
  }

  /** No more looks. What is in the ring stays there for {@link finish}. */
  stop(): void {
    this.#running = false;
    this.#asleep = false;
    this.#wakeUp.stop();
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
  }

  /** Takes everything that is there at once, without waiting for its turn or for room. Not to be called by its own records. */
  readNow(): void {
    while (this.#batch(BATCH) === BATCH);
  }

  /** Takes everything that is there. Waits at most so long for room, then takes it without. */
  async finish(patienceMs = 0): Promise<void> {
    const end = performance.now() + patienceMs;
    for (;;) {
      const room = this.#room();
      if (room < 1 && performance.now() < end) await delay(HELD_MS);
      else if (this.#batch(room < 1 ? BATCH : room) === 0) return;
    }
  }

  #room(): number {
    return Math.min(BATCH, this.#o.room?.() ?? BATCH);
  }

  /**
   * Arms the wake-up, then looks once more. The event loop tells the kernel only in its next turn, and a perf
   * buffer reports what came before that no more (its readiness is taken by the first to ask), so the last look
   * comes two turns later.
   */
  #sleep(): void {
    this.#asleep = true;
    this.#wakeUp.start();
    this.#lookLater(() => {});
  }

  /** Looks two turns later, unless the kernel has told by then. */
  #lookLater(found: () => void): void {
    const look = (): void => {
      if (!this.#running || !this.#asleep || this.#o.reader.available === 0) return;
      found();
      this.#woken();
    };
    clearImmediate(this.#immediate);
    this.#immediate = setImmediate(() => {
      this.#immediate = setImmediate(look);
    });
  }

  #woken(): void {
    this.#asleep = false;
    clearImmediate(this.#immediate);
    this.#wakeUp.stop();
    this.#lastEvent = performance.now();
    this.#lastLook = this.#lastEvent;
    this.#look();
  }

  readonly #look = (): void => {
    if (!this.#running) return;
    try {
      const { reader } = this.#o;
      const waiting = reader.available;
      const room = this.#room();
      if (room < 1 && waiting < reader.capacity * 0.75) {
        this.#noteFull(waiting);
        this.#timer = setTimeout(this.#look, HELD_MS);
        return;
      }
      const limit = Math.min(this.#most, room < 1 ? BATCH : room);
      const started = performance.now();
      const records = this.#batch(limit);
      this.#pace(records, performance.now() - started);
      if (this.#running) this.#plan(records, waiting, records === limit);
    } catch (error) {
      this.stop();
      this.#o.onError(error);
    }
  };

  #batch(limit: number): number {
    const { reader, onBatch, onDrained } = this.#o;
    const waiting = reader.available;
    if (waiting === 0) return 0;
    onBatch();
    const records = reader.drain(this.#record, limit);
    // Only now: of the first records nobody knew the size before.
    this.#noteFull(waiting);
    onDrained(records);
    return records;
  }

  #pace(records: number, took: number): void {
    this.#slow = took > TURN_MS ? this.#slow + 1 : 0;
    if (this.#slow > 1) this.#most = Math.max(LEAST, Math.floor((records * TURN_MS) / took));
    else if (records === this.#most && took < TURN_MS / 2) this.#most = Math.min(BATCH, 2 * this.#most);
  }

  /** The kernel refuses a record (8 bytes of header, padded to 8) that would leave no byte free. */
  #noteFull(waiting: number): void {
    const next = Math.ceil(this.#largest / 8) * 8 + 8;
    if (this.#largest > 0 && waiting + next >= this.#o.reader.capacity) this.foundFull++;
  }

  #plan(records: number, waiting: number, more: boolean): void {
    const { reader } = this.#o;
    if (more || reader.available > reader.capacity / 4) {
      this.#lastLook = performance.now();
      this.#immediate = setImmediate(this.#look);
      return;
    }
    const now = performance.now();
    if (records > 0) this.#lastEvent = now;
    else if (now - this.#lastEvent >= this.#quietMs) {
      if (this.#untold) this.#timer = setTimeout(this.#look, Math.max(MAX_DELAY_MS, this.#maxDelay));
      else this.#sleep();
      return;
    }
    // Look again when an eighth of the ring would be full at the pace it filled since the last look.
    const perMs = waiting / Math.max(0.5, now - this.#lastLook);
    this.#lastLook = now;
    const delay = perMs > 0 ? reader.capacity / 8 / perMs : this.#maxDelay;
    this.#timer = setTimeout(this.#look, Math.max(1, Math.min(this.#maxDelay, delay)));
  }
}
