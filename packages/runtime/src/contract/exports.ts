/**
 * What became of the items of one OTLP signal: spans, points of metrics, log records. Exactly, and at any moment:
 * `handedIn` = `delivered` + the sum of `lost` + `waiting`. An item whose answer was lost on the way may have arrived.
 */
export interface ExportStats {
  readonly signal: 'traces' | 'metrics' | 'logs';
  /** Without user, password and query. */
  readonly url: string;
  readonly handedIn: number;
  /** Taken by the receiver. */
  readonly delivered: number;
  readonly lost: {
    /** No room to wait. */
    readonly queue_full: number;
    /** The receiver would not have it: an answer that is no success and not worth a retry, or a partial success. */
    readonly rejected: number;
    /** Retried for as long as that is done, in vain. */
    readonly timeout: number;
    /** Not answered when the time for the end was over, or handed in after. */
    readonly shutdown: number;
    /** Not sent, because a receiver would refuse the whole request for it: an id that is none. */
    readonly invalid: number;
  };
  /** In the queue, or sent and not answered. */
  readonly waiting: number;
  readonly requests: number;
  /** Of those, which were not the first for their items. */
  readonly retries: number;
  /** The last attempt failed; `lastError` says how. */
  readonly failing: boolean;
  readonly lastError?: string;
}
