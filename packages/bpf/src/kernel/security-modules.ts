import { existsSync, readFileSync } from 'node:fs';
import { isNativeError, native } from '../native.ts';

/**
 * The active security modules, in their order; undefined when that cannot be found out. From securityfs, or where that is
 * not mounted from an instance of it that is mounted nowhere, which needs root.
 */
export function securityModules(): string[] | undefined {
  const path = '/sys/kernel/security/lsm';
  try {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : native().readDetached('securityfs', 'lsm');
    return text.trim().split(',');
  } catch (e) {
    if (!isNativeError(e)) throw e;
    return undefined;
  }
}
