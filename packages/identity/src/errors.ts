/** Every way in which this package fails. What is merely not known is `undefined`, not an error. */
export type IdentityErrorCode = 'SKEP_PROC_UNAVAILABLE' | 'SKEP_IDENTITY_OPTION';

/** The one error class of this package: a sentence with a `code`, and the way out in `hint`. */
export class IdentityError extends Error {
  readonly code: IdentityErrorCode;
  readonly hint: string;

  constructor(code: IdentityErrorCode, message: string, hint: string) {
    super(message);
    this.name = 'IdentityError';
    this.code = code;
    this.hint = hint;
  }
}
