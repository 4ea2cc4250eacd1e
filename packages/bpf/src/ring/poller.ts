import { BpfError } from '../errors.ts';
import { DESCRIPTOR_HINT, errnoName, outOfDescriptors } from '../kernel/errno.ts';
import { isNativeError, native, type PollHandle } from '../native.ts';
import { pending } from './pending.ts';

/** Started pollers: the event loop holds on to them, so garbage collection must not close them. */
const started = new Set<Poller>();

/**
 * Waits for a file descriptor on Node's own event loop (uv_poll): no thread, and a stopped poller costs
 * nothing and does not keep the process alive.
 *
 * It tells as long as there is something to read, not only when something arrives: drain in `onReadable`, or
 * stop. While one waits, the kernel pays for waking it at each record (about 1.4 us), so at high rates stop
 * it and drain on a timer.
 *
 * ```ts
 * const poller = new Poller(reader.fd, () => reader.drain(onRecord));
 * poller.start();
 * ```
 */
export class Poller implements Disposable {
  readonly #handle: PollHandle;
  readonly #fd: number;
  readonly #onReadable: () => void;
  #closed = false;

  /**
   * The descriptor is duplicated: closing it meanwhile is harmless.
   * @throws {BpfError} `SKEP_ARGUMENT` when it cannot be waited for
   */
  constructor(fd: number, onReadable: () => void) {
    this.#fd = fd;
    this.#onReadable = onReadable;
    try {
      this.#handle = native().pollNew(fd, onReadable);
    } catch (cause) {
      if (!isNativeError(cause)) throw cause;
      throw new BpfError(
        'SKEP_ARGUMENT',
        `File descriptor ${fd} cannot be waited for (${errnoName(cause.errno)})`,
        {
          hint: outOfDescriptors(cause.errno) ? DESCRIPTOR_HINT : 'Give the fd of a RecordReader.',
          errno: cause.errno,
          cause,
        },
      );
    }
  }

  /** Begins to wait and keeps the process alive. @throws {BpfError} `SKEP_CLOSED` */
  start(): void {
    this.#set(true);
    started.add(this);
    // Two turns: the event loop begins to wait at its next turn, and the look must come after that.
    if (pending.has(this.#fd)) setImmediate(() => setImmediate(() => this.#look()));
  }

  /** Stops waiting; may be started again. @throws {BpfError} `SKEP_CLOSED` */
  stop(): void {
    this.#set(false);
    started.delete(this);
  }

  /** Stops for good. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    started.delete(this);
    native().pollClose(this.#handle);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #look(): void {
    if (started.has(this) && pending.get(this.#fd)?.()) this.#onReadable();
  }

  #set(on: boolean): void {
    if (this.#closed) {
      throw new BpfError('SKEP_CLOSED', 'The poller is closed', { hint: 'Make another one.' });
    }
    native().pollSet(this.#handle, on);
  }
}
