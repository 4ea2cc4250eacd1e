import assert from 'node:assert/strict';
import { OciError, type OciErrorCode } from '../../src/index.ts';

/** Awaits a failure with this code, and holds its sentence to what all our sentences promise. */
export async function failsWith(
  code: OciErrorCode,
  action: () => unknown,
  message?: RegExp,
): Promise<OciError> {
  let error: unknown;
  try {
    await action();
  } catch (e) {
    error = e;
  }
  assert.ok(error instanceof OciError, `expected an OciError ${code}, but got ${String(error)}`);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, /^[^\n]+[.)]$/, 'one sentence');
  assert.match(error.hint, /^\S[^\n]*\.$/, 'the way out, one sentence');
  if (message !== undefined) assert.match(error.message, message);
  return error;
}
