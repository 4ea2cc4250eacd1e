/** Every way in which this package fails. A closed list: the exit codes of the command line hang on it. */
export type OciErrorCode =
  | 'SKEP_REFERENCE_INVALID'
  | 'SKEP_NOT_FOUND'
  | 'SKEP_UNAUTHORIZED'
  | 'SKEP_FORBIDDEN'
  | 'SKEP_REGISTRY'
  | 'SKEP_REGISTRY_TIMEOUT'
  | 'SKEP_REGISTRY_UNREACHABLE'
  | 'SKEP_REGISTRY_TLS'
  | 'SKEP_DIGEST_MISMATCH'
  | 'SKEP_MEDIA_TYPE'
  | 'SKEP_MANIFEST_INVALID'
  | 'SKEP_PLATFORM'
  | 'SKEP_STORE_VERSION'
  | 'SKEP_STORE_CORRUPT'
  | 'SKEP_STORE_BUSY'
  | 'SKEP_STORE_ACCESS'
  | 'SKEP_DISK_FULL'
  | 'SKEP_AUTH_FILE'
  | 'SKEP_CA_FILE'
  | 'SKEP_PROXY'
  | 'SKEP_KEY'
  | 'SKEP_ARCHIVE_INVALID'
  | 'SKEP_ABORTED';

/** What an {@link OciError} is made of besides its code and sentence. */
export interface OciErrorDetails {
  /** What to do next, as one sentence. */
  hint: string;
  cause?: unknown;
  /** The same call may succeed a moment later (a broken connection, 429, 5xx). */
  transient?: boolean;
  /** The registry asked for this pause, in milliseconds, before the next try. */
  retryAfterMs?: number;
}

/**
 * The one error class of this package. `message` names the image, blob, file or host it is about;
 * `hint` says the way out.
 */
export class OciError extends Error {
  readonly code: OciErrorCode;
  readonly hint: string;
  readonly transient: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(code: OciErrorCode, message: string, details: OciErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'OciError';
    this.code = code;
    this.hint = details.hint;
    this.transient = details.transient ?? false;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** The `code` of a system error (`ENOENT`, `ECONNRESET`, …), or an empty string. */
export function errno(e: unknown): string {
  const code = e instanceof Error && 'code' in e ? e.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** Text from outside, made safe to print: one line, no control characters, at most `max` characters. */
export function printable(text: string, max = 200): string {
  const clean = text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
  return clean.length > max ? `${clean.slice(0, max - 1)}…` : clean;
}
