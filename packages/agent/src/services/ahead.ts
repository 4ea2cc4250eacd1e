import { type Identities, Listeners } from '@skep/identity';

/**
 * Finds out who serves on this machine while the programs are still on their way into the kernel, so that their requests
 * count as their service's from the first one on, and their names are there when somebody first looks.
 */
export class ServersAhead {
  readonly #identities: Identities;
  readonly #pids = new Set<number>();
  #tell: ((pid: number) => void) | undefined;
  #ended = false;

  constructor(identities: Identities) {
    this.#identities = identities;
  }

  /**
   * Looks for them, giving way to the event loop every few milliseconds.
   *
   * @throws IdentityError SKEP_PROC_UNAVAILABLE
   */
  async find(): Promise<void> {
    const listeners = new Listeners(this.#identities.host);
    await listeners.refresh();
    for (const { pids } of listeners.all()) {
      for (const pid of pids) {
        if (this.#ended) return;
        if (pid === process.pid || this.#pids.has(pid) || !this.#identities.get(pid)) continue;
        this.#pids.add(pid);
        this.#tell?.(pid);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  /** Tells of those that are found already, at once, and of the others as they are. */
  tell(found: (pid: number) => void): void {
    this.#tell = found;
    for (const pid of this.#pids) found(pid);
  }

  /** Nobody needs to know any more. */
  end(): void {
    this.#ended = true;
    this.#tell = undefined;
  }
}
