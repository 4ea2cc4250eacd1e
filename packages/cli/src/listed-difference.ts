/** What two states of a store's index.json and folder of blobs do not have in common, found without parsing what they do. */
import { type Descriptor, isDescriptor } from '@skep/oci';

/** More than these are quicker found by reading all. */
const MOST_CHANGES = 64;
const PIECE = 16 * 1024;

/** What is in one text and not in the other. */
export interface Difference<T> {
  gone: T[];
  come: T[];
}

/**
 * The entries of index.json that one text has and the other has not. Undefined where a text is not of the shape that we write,
 * with a single list in it: then a part of the list could not be told from what is inside an entry.
 */
export function entriesBetween(before: string, now: string): Difference<Descriptor> | undefined {
  const a = listIn(before);
  const b = listIn(now);
  if (a === undefined || b === undefined) return undefined;
  const cut = '},{"mediaType":';
  let start = sameAtStart(a, b);
  // Back to where an entry begins.
  const border = a.lastIndexOf(cut, start - cut.length);
  start = border < 0 ? 0 : border + 2;
  let [endA, endB] = [a.length, b.length];
  const same = Math.min(sameAtEnd(a, b), endA - start, endB - start);
  const next = a.indexOf(cut, endA - same);
  if (same > 0 && next >= 0) [endA, endB] = [next + 1, next + 1 + b.length - a.length];
  const [gone, come] = [entriesIn(a.slice(start, endA)), entriesIn(b.slice(start, endB))];
  return gone && come && less(gone, come);
}

/** What stands between the brackets of the one list. */
function listIn(text: string): string | undefined {
  const from = text.indexOf('[') + 1;
  const whole = /^\{"schemaVersion":2,"mediaType":"[\w./+-]+","manifests":\[$/.test(text.slice(0, from));
  return whole && text.endsWith(']}') && text.indexOf(']') === text.length - 2
    ? text.slice(from, -2)
    : undefined;
}

/** How many characters two texts have in common, looked for in halves: comparing long ones is quick. */
function sameAtStart(a: string, b: string): number {
  let [low, high] = [0, Math.min(a.length, b.length)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (a.slice(low, middle) === b.slice(low, middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

function sameAtEnd(a: string, b: string): number {
  let [low, high] = [0, Math.min(a.length, b.length)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (a.slice(-middle, a.length - low) === b.slice(-middle, b.length - low)) low = middle;
    else high = middle - 1;
  }
  return low;
}

function entriesIn(text: string): Descriptor[] | undefined {
  try {
    const entries: unknown[] = JSON.parse(`[${text.replace(/^,|,$/g, '')}]`);
    return entries.every(isDescriptor) ? entries : undefined;
  } catch {
    return undefined; // not cut where entries meet
  }
}

/** Without what both have: an image that is named anew goes to the end, and all that came after it moves up. */
function less(gone: Descriptor[], come: Descriptor[]): Difference<Descriptor> | undefined {
  const left = new Map<string, number>();
  const count = (text: string, more: number) => left.set(text, (left.get(text) ?? 0) + more);
  for (const entry of gone) count(JSON.stringify(entry), 1);
  const fresh = come.filter((entry) => {
    const text = JSON.stringify(entry);
    return !left.get(text) || !count(text, -1);
  });
  const rest = [...left].flatMap(([text, times]) => Array.from({ length: times }, () => JSON.parse(text)));
  return rest.length + fresh.length > MOST_CHANGES ? undefined : { gone: rest, come: fresh };
}

/** The lines of two texts, which are sorted, side by side. */
export function namesBetween(before: string, now: string): Difference<string> | undefined {
  const [gone, come]: [string[], string[]] = [[], []];
  let [a, b] = [0, 0];
  while (a < before.length || b < now.length) {
    // Nearly all is the same: that is gone over in long pieces, and back to where the last line begins.
    while (b < now.length && before.slice(a, a + PIECE) === now.slice(b, b + PIECE)) {
      a += Math.min(PIECE, now.length - b);
      b = Math.min(b + PIECE, now.length);
    }
    const back = b - (now.lastIndexOf('\n', b - 1) + 1);
    [a, b] = [a - back, b - back];
    for (let found = 0; found === 0 && (a < before.length || b < now.length); ) {
      const [then, name] = [lineAt(before, a), lineAt(now, b)];
      found = then === name ? 0 : b === now.length || (a < before.length && then < name) ? -1 : 1;
      if (found < 0) gone.push(then);
      if (found > 0) come.push(name);
      if (found <= 0) a += then.length + 1;
      if (found >= 0) b += name.length + 1;
    }
    // An image is a handful of blobs.
    if (gone.length + come.length > MOST_CHANGES * 4) return undefined;
  }
  return { gone, come };
}

function lineAt(text: string, at: number): string {
  return text.slice(at, text.indexOf('\n', at));
}
