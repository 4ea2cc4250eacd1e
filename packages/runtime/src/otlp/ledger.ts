import type { ExportStats } from '../contract/exports.ts';
import type { Signal } from './data.ts';

export type ExportLossReason = keyof ExportStats['lost'];

/** What became of everything that was handed in for one signal: handed in = delivered + lost + waiting. */
export class ExportLedger {
  readonly signal: Signal;
  readonly url: string;
  handedIn = 0;
  delivered = 0;
  requests = 0;
  retries = 0;
  failing = false;
  lastError: string | undefined;
  readonly #lost: Record<ExportLossReason, number> = {
    queue_full: 0,
    rejected: 0,
    timeout: 0,
    shutdown: 0,
    invalid: 0,
  };

  constructor(signal: Signal, url: URL) {
    this.signal = signal;
    // Without what a URL may have of passwords and keys.
    this.url = url.origin + url.pathname;
  }

  lose(reason: ExportLossReason, count: number): void {
    this.#lost[reason] += count;
  }

  stats(waiting: number): ExportStats {
    const { signal, url, handedIn, delivered, requests, retries, failing, lastError } = this;
    return {
      signal,
      url,
      handedIn,
      delivered,
      lost: { ...this.#lost },
      waiting,
      requests,
      retries,
      failing,
      lastError,
    };
  }
}
