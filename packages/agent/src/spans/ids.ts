import { Buffer } from 'node:buffer';
import { randomFillSync } from 'node:crypto';

/** Asking for random bytes costs 5 us, however few: asked for by the page. */
const pool = Buffer.alloc(4096);
let used = pool.length;

/** A new id of so many bytes, as hexadecimal digits: 16 for a trace, 8 for a span. */
export function randomId(bytes: 8 | 16): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}
