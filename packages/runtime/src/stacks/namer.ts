import { type Frame, frameName, frameText, type SeenProcess, Symbols } from '@skep/bpf/symbols';
import type { Namer, RawStack } from './stack.ts';

/** Records wait longer than this before they are read. */
const MOMENT_MS = 5;

type Names = Pick<Symbols, 'remember' | 'kernel' | 'user' | 'byBuildId' | 'kernelHidden' | 'close'>;

/** Names the stacks of one run. */
export class StackNamer implements Namer {
  readonly #symbols: Names;
  readonly #notes: string[];
  /** Who was looked at in this moment. */
  readonly #looked = new Map<number, SeenProcess | undefined>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #closed = false;
  #saidHidden = false;

  /** @param notes gets what the user should know once */
  constructor(notes: string[], symbols: Names = new Symbols()) {
    this.#notes = notes;
    this.#symbols = symbols;
  }

  readonly text = frameText;
  readonly shortName = frameName;

  /** Looks at a process while it is there, once for the records of a moment: a look costs more than the rest of a record. */
  remember(pid: number): SeenProcess | undefined {
    if (this.#closed || pid <= 0) return undefined;
    const now = performance.now();
    if (now - this.#lookedAt >= MOMENT_MS) {
      this.#looked.clear();
      this.#lookedAt = now;
    }
    if (!this.#looked.has(pid)) this.#looked.set(pid, this.#symbols.remember(pid));
    return this.#looked.get(pid);
  }

  name(stack: RawStack): readonly Frame[] {
    const { side, addresses, buildIds, pid, seen } = stack;
    if (this.#closed)
      return addresses.map((address) => ({ address, kind: side === 'kernel' ? 'kernel' : 'native' }));
    if (side === 'kernel') {
      if (addresses.length > 0) this.#sayHidden();
      return this.#symbols.kernel(addresses);
    }
    if (!buildIds) return this.#symbols.user(pid ?? 0, addresses, seen);
    return addresses.map((address, i) => {
      const id = buildIds[i];
      if (id === undefined) return this.#symbols.user(pid ?? 0, [address], seen)[0]!;
      return this.#symbols.byBuildId(pid ?? 0, id, Number(address), i > 0, seen);
    });
  }

  /** Files are closed; what was not named by now stays a number. */
  close(): void {
    this.#closed = true;
    this.#symbols.close();
  }

  #sayHidden(): void {
    if (this.#saidHidden || !this.#symbols.kernelHidden) return;
    this.#saidHidden = true;
    this.#notes.push(
      'kernel functions have no names: the kernel hides their addresses (kernel.kptr_restrict; CAP_SYSLOG sees them at 1, nobody at 2)',
    );
  }
}
