import { setTimeout as wait } from 'node:timers/promises';
import type { Series } from '../series/series.ts';
import type { Span } from '../spans/spans.ts';
import type { SelfCheck } from '../status.ts';
import { OWN_PATH, type OwnRequest, sendOwnRequest } from './own-request.ts';
import { Patience } from './patience.ts';

export interface SelfCheckParts {
  /** Brings the agent's own series up to date. */
  readonly collect: () => Promise<void>;
  readonly own: Iterable<Series>;
  /** How often a span is taken of any request, milliseconds; 0: of none. Sooner after another none can be expected. */
  readonly spanEveryMs: number;
  /** How many the limit of the machine has held back so far: then ours may be among them. */
  readonly heldSpans: () => number;
  /** Whether it has ended: then nothing is counted any more, and nothing is wrong with that. */
  readonly ended: () => boolean;
  /** How long the counts may take to arrive, 3 s unless said; longer where this process gets little time. */
  readonly patienceMs?: number;
  /** Told when a check fails, and when one passes again. */
  readonly onChange: (text: string) => void;
}

const PATIENCE_MS = 3_000;
const LOOK_MS = 20;

/** Sums of the agent's own series, by side. */
interface Sums {
  count: number;
  requestBytes: number;
  responseBytes: number;
  wrong: string[];
}

/**
 * Sends one known request and demands that exactly it was counted, once at each end of its socket, and that a span of each
 * end came, with the right values. What hooks see could be nothing, or something else, on a kernel whose structs have moved:
 * then this fails, and is said wherever somebody looks.
 */
export class SelfChecker {
  readonly #o: SelfCheckParts;
  #result: SelfCheck = { state: 'waiting', passed: 0, failed: 0 };
  #spans: Span[] = [];
  #held = 0;
  /** When the last request of its own had been sent, milliseconds. */
  #sentAt = Number.NEGATIVE_INFINITY;
  #spanDue = false;
  #running: Promise<SelfCheck> | undefined;

  constructor(parts: SelfCheckParts) {
    this.#o = parts;
  }

  get result(): SelfCheck {
    return this.#result;
  }

  /** A span of the agent's own socket has come. */
  span(span: Span): void {
    this.#spans.push(span);
    if (this.#spans.length > 16) this.#spans.shift();
  }

  /** Checks now, unless that is under way. Never rejects. */
  check(): Promise<SelfCheck> {
    this.#running ??= this.#check()
      .catch((error: Error) => `it could not be tried: ${error.message}`)
      .then((reason) => this.#tell(reason))
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  #tell(reason: string | undefined): SelfCheck {
    if (this.#o.ended()) return this.#result;
    const { state, reason: before, passed, failed } = this.#result;
    this.#result = {
      state: reason === undefined ? 'passed' : 'failed',
      at: Date.now(),
      reason,
      passed: passed + (reason === undefined ? 1 : 0),
      failed: failed + (reason === undefined ? 0 : 1),
    };
    if (reason !== undefined && reason !== before)
      this.#o.onChange(
        `the check of the agent by itself failed: ${reason}. What is counted here is not to be trusted`,
      );
    if (reason === undefined && state === 'failed')
      this.#o.onChange('the check of the agent by itself passes again');
    return this.#result;
  }

  /** Why it failed, or undefined. */
  async #check(): Promise<string | undefined> {
    this.#spans = [];
    this.#held = this.#o.heldSpans();
    await this.#o.collect();
    const before = { server: this.#sums('server'), client: this.#sums('client') };
    const { spanEveryMs, patienceMs = PATIENCE_MS } = this.#o;
    this.#spanDue = spanEveryMs > 0 && performance.now() - this.#sentAt >= spanEveryMs;
    const sent = await sendOwnRequest(PATIENCE_MS).finally(() => {
      this.#sentAt = performance.now();
    });
    using patience = new Patience(patienceMs);
    for (;;) {
      await this.#o.collect();
      const wrong = this.#wrong(sent, before);
      if (wrong === undefined) break;
      if (patience.over) return wrong;
      await wait(LOOK_MS);
    }
    // What would be counted twice has been by now.
    await wait(LOOK_MS);
    await this.#o.collect();
    return this.#wrong(sent, before);
  }

  #wrong(sent: OwnRequest, before: Readonly<Record<'server' | 'client', Sums>>): string | undefined {
    for (const side of ['server', 'client'] as const) {
      const now = this.#sums(side, sent);
      const count = now.count - before[side].count;
      if (count !== 1) return `one request was sent, and ${count} counted at its ${side}'s end`;
      if (now.wrong.length > before[side].wrong.length)
        return `it was counted at its ${side}'s end as ${now.wrong.join(', ')}`;
      const bytes = [
        now.requestBytes - before[side].requestBytes,
        now.responseBytes - before[side].responseBytes,
      ];
      if (bytes[0] !== sent.requestBytes || bytes[1] !== sent.responseBytes)
        return `bodies of ${sent.requestBytes} and ${sent.responseBytes} bytes were counted as ${bytes.join(' and ')} at its ${side}'s end`;
      if (this.#spanDue && this.#o.heldSpans() === this.#held) {
        const spans = this.#spans.filter((s) => s.role === side && s.traceId === sent.traceId);
        if (spans.length !== 1) return `${spans.length} spans came of its ${side}'s end instead of one`;
        const { method, status, parentSpanId, route, duration } = spans[0]!;
        const is = [method, status, route, parentSpanId].join(' ');
        const shall = [sent.method, sent.status, sent.path, sent.spanId].join(' ');
        if (is !== shall) return `its span at the ${side}'s end says "${is}" instead of "${shall}"`;
        if (duration <= 0n) return `its span at the ${side}'s end took no time`;
      }
    }
    return undefined;
  }

  #sums(side: 'server' | 'client', sent?: OwnRequest): Sums {
    const sums: Sums = { count: 0, requestBytes: 0, responseBytes: 0, wrong: [] };
    for (const series of this.#o.own) {
      const { role, method, route, status } = series.labels;
      if (role !== side) continue;
      sums.count += series.count;
      sums.requestBytes += series.requestBytes;
      sums.responseBytes += series.responseBytes;
      const right = method === 'PUT' && route === OWN_PATH && status === 201;
      if (!right && sent) sums.wrong.push(`${method} ${route} ${status}`);
    }
    return sums;
  }
}
