import type { Signal } from './data.ts';
import type { ExportLedger, ExportLossReason } from './ledger.ts';
import { inOneLine, Poster } from './post.ts';
import { partialSuccess } from './response.ts';
import type { Destination } from './settings.ts';

/** Backoff: source https://opentelemetry.io/docs/specs/otlp/#otlphttp-throttling, which wants it exponential with jitter. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** A receiver that asks for more is asked again after this. */
const LONGEST_RETRY_AFTER_MS = 300_000;

export interface SenderOptions {
  readonly to: Destination;
  readonly signal: Signal;
  readonly ledger: ExportLedger;
  readonly userAgent: string;
  /** How long one request is retried, from its first attempt. */
  readonly retryMs: number;
  /** Told when sending begins to fail, and when it works again. */
  readonly onTrouble: (text: string) => void;
}

/** Delivers request after request of one signal, each until it is taken, refused or too old. One at a time. */
export class Sender {
  readonly #o: SenderOptions;
  readonly #poster: Poster;
  readonly #abort = new AbortController();
  /** Ends the wait between two attempts. */
  #wake: (() => void) | undefined;
  #notBefore = 0;
  /** The receiver itself asked not to be asked before. */
  #asked = false;
  #ending = false;

  constructor(options: SenderOptions) {
    this.#o = options;
    this.#poster = new Poster(options.to, options.userAgent);
  }

  /** Sends a request of `items` spans, points or records, and accounts for each of them. Never rejects. */
  async send(body: Uint8Array, items: number): Promise<void> {
    const { ledger, retryMs } = this.#o;
    const givenUpAt = performance.now() + retryMs;
    for (let attempt = 0; ; attempt++) {
      await this.#wait(this.#notBefore - performance.now());
      if (this.#abort.signal.aborted) return ledger.lose('shutdown', items);
      if (attempt > 0) ledger.retries++;
      ledger.requests++;
      const result = await this.#poster.post(body, this.#abort.signal);
      if (result.kind === 'taken') return this.#taken(result, items);
      if (result.kind === 'refused') return this.#lost('rejected', items, result.why);
      if (this.#abort.signal.aborted) return ledger.lose('shutdown', items);
      this.#trouble(result.why);
      if (this.#ending && result.refused) return this.#lost('shutdown', items, result.why);
      const { afterMs = 0 } = result;
      this.#asked = afterMs > 0;
      // Of "0", or a date that is over, nobody wants to be asked a thousand times a second.
      const wait = afterMs >= FIRST_WAIT_MS ? afterMs : Math.max(afterMs, backoff(attempt));
      this.#notBefore = performance.now() + Math.min(wait, LONGEST_RETRY_AFTER_MS);
      if (this.#notBefore > givenUpAt && !this.#ending) return this.#lost('timeout', items, result.why);
    }
  }

  /** Little time is left: no waiting but what the receiver asked for, and none for one that is not there. */
  ending(): void {
    this.#ending = true;
    if (this.#asked) return;
    this.#notBefore = 0;
    this.#wake?.();
  }

  /** Ends what is under way, as `shutdown`, and closes the connection. */
  close(): void {
    this.#abort.abort();
    this.#wake?.();
    this.#poster.close();
  }

  #taken(answer: { contentType: string; body: Buffer; cut: boolean }, items: number): void {
    const { ledger, signal, to } = this.#o;
    const { contentType, body, cut } = answer;
    if (contentType.includes('html')) {
      this.#lost('rejected', items, 'answers with a page for people: not an OTLP receiver');
      return;
    }
    this.#well();
    let rejected = 0;
    try {
      const json = contentType.includes('json') || (contentType === '' && to.encoding === 'json');
      const partial = cut ? undefined : partialSuccess(body, json, signal);
      rejected = Math.min(items, partial?.rejected ?? 0);
      if (partial?.message) ledger.lastError = `the receiver says: ${inOneLine(partial.message)}`;
    } catch {
      // 2xx is what counts; a body that nobody can read is worth a word, not a loss.
      ledger.lastError = 'the answer was a success that cannot be read';
    }
    ledger.delivered += items - rejected;
    ledger.lose('rejected', rejected);
  }

  #lost(reason: ExportLossReason, items: number, why: string): void {
    this.#trouble(why);
    this.#o.ledger.lose(reason, items);
  }

  #trouble(why: string): void {
    const { ledger, signal, onTrouble } = this.#o;
    ledger.lastError = why;
    if (!ledger.failing) onTrouble(`OTLP ${signal}: ${ledger.url}: ${why}`);
    ledger.failing = true;
  }

  #well(): void {
    const { ledger, signal, onTrouble } = this.#o;
    if (ledger.failing) onTrouble(`OTLP ${signal}: ${ledger.url} takes them again`);
    ledger.failing = false;
  }

  async #wait(ms: number): Promise<void> {
    if (ms <= 0 || this.#abort.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}

/** 1 s, 2 s, 4 s … 30 s, each between its half and its whole, so that many clients do not come at once. */
export function backoff(attempt: number, random = Math.random()): number {
  const full = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
  return full * (0.5 + random / 2);
}
