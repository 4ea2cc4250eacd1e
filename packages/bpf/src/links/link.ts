import { Buffer } from 'node:buffer';
import { read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { BpfError } from '../errors.ts';
import { type LinkHandle, native } from '../native.ts';
import { pinAt } from '../object/pin.ts';

/**
 * A program tied to its hook. Closing it detaches, unless it is pinned; so does the end of the process,
 * however it comes.
 */
export class BpfLink implements Disposable {
  /** The kind of hook: the program's `type`. */
  readonly kind: string;
  /** The hook itself, such as `oom/mark_victim`. */
  readonly target: string;
  readonly program: string;
  readonly #parts: readonly LinkHandle[];
  readonly #undo: (() => void) | undefined;
  #closed = false;

  /**
   * Made by {@link BpfProgram.attach}; `parts` are several where a hook is one a CPU. Where the kernel has no link for
   * the hook, there are none, and `undo` detaches.
   */
  constructor(
    kind: string,
    target: string,
    program: string,
    parts: readonly LinkHandle[],
    undo?: () => void,
  ) {
    this.kind = kind;
    this.target = target;
    this.program = program;
    this.#parts = parts;
    this.#undo = undo;
  }

  /** Closing it is not enough: detaching asks the kernel for something, and needs the right to. */
  get needsUndoing(): boolean {
    return this.#undo !== undefined;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The link's file descriptor; -1 when this kernel has no link for the hook. @throws {BpfError} `SKEP_CLOSED` */
  get fd(): number {
    this.#open();
    return this.#parts.length === 0 ? -1 : native().linkFd(this.#parts[0]!);
  }

  /** Pins it: the program then stays attached when this process ends. @throws {BpfError} `SKEP_PIN` */
  pin(path: string): void {
    const what = `the link of program "${this.program}"`;
    if (this.#parts.length > 1) {
      throw new BpfError('SKEP_PIN', `Cannot pin ${what}: it has one link a CPU`, {
        hint: 'Attach it with the option cpu, once for each, and pin those.',
        object: path,
      });
    }
    pinAt(this.fd, path, what);
  }

  /**
   * Runs an iterator program and returns all that it wrote (`iter` links only).
   * @throws {BpfError} `SKEP_STATE` for another kind of link
   */
  async readIterator(): Promise<Uint8Array> {
    const fd = this.#iterator();
    try {
      return await readToEnd(fd, this.program);
    } finally {
      native().fdClose(fd);
    }
  }

  /** {@link readIterator} on the calling thread: a few milliseconds for all tasks of a machine. */
  readIteratorNow(): Uint8Array {
    const fd = this.#iterator();
    try {
      const chunks: Uint8Array[] = [];
      for (;;) {
        const chunk = new Uint8Array(65536);
        const length = readAgain(fd, chunk, this.program);
        if (length === 0) return Buffer.concat(chunks);
        chunks.push(chunk.subarray(0, length));
      }
    } finally {
      native().fdClose(fd);
    }
  }

  #iterator(): number {
    if (this.kind !== 'iter') {
      throw new BpfError(
        'SKEP_STATE',
        `The link of program "${this.program}" is of kind ${this.kind}, not iter`,
        {
          hint: 'Only programs in SEC("iter/…") can be read.',
          object: this.program,
        },
      );
    }
    return native().iteratorCreate(this.fd);
  }

  /**
   * Hits of a kprobe or kretprobe that the kernel could not hand to the program (since 6.7); 0 for other hooks, older
   * kernels, and once it is closed.
   */
  missed(): number {
    if (this.#closed) return 0;
    let sum = 0;
    for (const part of this.#parts) {
      const fd = native().linkFd(part);
      if (fd >= 0) sum += native().linkMissed(fd);
    }
    return sum;
  }

  /** Detaches; may wait for a grace period of the kernel. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const part of this.#parts) native().linkClose(part);
    this.#undo?.();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** For {@link closeLinks}: gives its parts away, closed as far as anybody else can see. */
  take(): readonly LinkHandle[] {
    if (this.#closed) return [];
    this.#closed = true;
    this.#undo?.();
    return this.#parts;
  }

  #open(): void {
    if (!this.#closed) return;
    throw new BpfError('SKEP_CLOSED', `The link of program "${this.program}" is closed`, {
      hint: 'Attach the program again.',
      object: this.program,
    });
  }
}

/** Closes many links on a thread of libuv's pool; detaching one may take tens of milliseconds. */
export async function closeLinks(links: readonly BpfLink[]): Promise<void> {
  const parts = links.flatMap((l) => l.take());
  if (parts.length > 0) await native().linksClose(parts);
}

/**
 * The kernel stops an iterator after a million steps with EAGAIN, and goes on where it was; a program that returns 1 gets the
 * same thing again, and EAGAIN as well (bpf_iter.c). So many in a row are no million steps each.
 */
const MOST_AGAIN = 1000;

function readAgain(fd: number, into: Uint8Array, program: string): number {
  for (let i = 0; i < MOST_AGAIN; i++) {
    try {
      return readSync(fd, into, 0, into.length, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
  throw stuck(program);
}

function stuck(program: string): BpfError {
  return new BpfError(
    'SKEP_STATE',
    `The iterator "${program}" gets nowhere: it asks for the same thing again`,
    {
      hint: 'A program of SEC("iter/…") that returns 1 is called again for what it has just seen: return 0.',
      object: program,
    },
  );
}

const readAsync = promisify(read);

async function readToEnd(fd: number, program: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let again = 0; again < MOST_AGAIN; ) {
    try {
      const { bytesRead, buffer } = await readAsync(fd, new Uint8Array(65536), 0, 65536, null);
      if (bytesRead === 0) return Buffer.concat(chunks);
      chunks.push(buffer.subarray(0, bytesRead));
      again = 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      again++;
    }
  }
  throw stuck(program);
}
