/** Hashes are numbers below this: of 75,000 names, one in 110 of all others is taken for one of them. */
const SPACE = 1 << 23;

/**
 * Names that are there, in little more than a byte each: their hashes, sorted, as distances. Whether a name is not there is told for
 * certain; whether it is, only in all likelihood. That is the right way round for "a module may have it".
 */
export function packNames(names: Iterable<string>): string {
  const hashes = [...new Set([...names].map(hash))].sort((a, b) => a - b);
  const bytes: number[] = [];
  let last = 0;
  for (const h of hashes) {
    let gap = h - last;
    last = h;
    for (; gap > 0x7f; gap >>>= 7) bytes.push((gap & 0x7f) | 0x80);
    bytes.push(gap);
  }
  return Buffer.from(bytes).toString('base64');
}

/** Answers false for a name that was surely not packed. */
export function unpackNames(packed: string): (name: string) => boolean {
  const bits = new Uint8Array(SPACE / 8);
  let at = 0;
  let gap = 0;
  let shift = 0;
  const bytes = Buffer.from(packed, 'base64');
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    gap |= (byte & 0x7f) << shift;
    shift += 7;
    if (byte >= 0x80) continue;
    at = (at + gap) % SPACE;
    bits[at >>> 3]! |= 1 << (at & 7);
    gap = shift = 0;
  }
  return (name) => {
    const h = hash(name);
    return (bits[h >>> 3]! & (1 << (h & 7))) !== 0;
  };
}

/** FNV-1a, then the last step of murmur3, so that all of its bits count. */
function hash(name: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) % SPACE;
}
