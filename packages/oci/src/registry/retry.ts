import { OciError } from '../errors.ts';
import { abortError } from './errors.ts';
import type { RegistryOptions } from './options.ts';

// A registry that asks for a longer pause than this is not worth waiting for in a command.
const LONGEST_PAUSE_MS = 60_000;

/** How often and how patiently to try again. */
export class RetryPolicy {
  readonly attempts: number;
  readonly #pauseMs: number;
  readonly #signal: AbortSignal | undefined;

  constructor(opts: RegistryOptions) {
    this.attempts = opts.retry?.attempts ?? 4;
    this.#pauseMs = opts.retry?.pauseMs ?? 250;
    this.#signal = opts.signal;
  }

  /** Runs `attempt` until it succeeds, fails for good, or has failed `attempts` times. */
  async run<T>(attempt: () => Promise<T>): Promise<T> {
    for (let n = 1; ; n++) {
      try {
        return await attempt();
      } catch (e) {
        await this.pauseAfter(e, n);
      }
    }
  }

  /** Waits before try `n + 1`, or throws `e` when there shall be none. */
  async pauseAfter(e: unknown, n: number): Promise<void> {
    if (!(e instanceof OciError) || !e.transient) throw e;
    // A stall has already cost the whole idle timeout: one more try is enough.
    if (n >= (e.code === 'SKEP_REGISTRY_TIMEOUT' ? Math.min(2, this.attempts) : this.attempts)) throw e;
    const backoff = this.#pauseMs * 2 ** (n - 1) * (0.75 + Math.random() / 2);
    const pause = e.retryAfterMs ?? backoff;
    if (pause > LONGEST_PAUSE_MS) {
      const wait = Math.ceil(pause / 1000);
      throw new OciError(e.code, `${e.message.slice(0, -1)}, and wants ${wait} seconds of patience.`, {
        hint: `Try again in ${wait} seconds.`,
        cause: e,
      });
    }
    await sleep(pause, this.#signal);
  }
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortError(signal));
    const onAbort = () => {
      clearTimeout(timer);
      reject(abortError(signal as AbortSignal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
