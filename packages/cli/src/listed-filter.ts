import { usageError } from './errors.ts';
import type { ListedImage } from './listed-cache.ts';

type Test = (image: ListedImage) => boolean;

/** What `skep list --filter KEY=VALUE` may ask, as docker's. */
const KEYS: Readonly<Record<string, (value: string, all: readonly ListedImage[]) => Test>> = {
  reference: (value) => (image) => isNamed(image.reference, value),
  before: (value, all) => {
    const than = named(value, all);
    return (image) => image.created < than.created;
  },
  since: (value, all) => {
    const than = named(value, all);
    return (image) => image.created > than.created;
  },
  dangling: (value) => {
    if (!/^(true|false)$/.test(value))
      throw usageError(`--filter: dangling is true or false, not "${value}"`, HINT);
    return (image) => image.reference.startsWith('sha256:') === (value === 'true');
  },
};
const HINT = `Write ${Object.keys(KEYS).join('=…, ')}=….`;

/**
 * The images that all filters fit, of several of one key one.
 *
 * @throws CliError SKEP_USAGE
 */
export function filtered(all: readonly ListedImage[], filters: readonly string[]): ListedImage[] {
  const byKey = new Map<string, Test[]>();
  for (const text of filters) {
    const [key = '', ...value] = text.split('=');
    const test = Object.hasOwn(KEYS, key) && value.length > 0 ? KEYS[key] : undefined;
    if (!test) throw usageError(`--filter: "${text}" is none of these`, HINT);
    byKey.set(key, [...(byKey.get(key) ?? []), test(value.join('='), all)]);
  }
  return all.filter((image) => [...byKey.values()].every((tests) => tests.some((test) => test(image))));
}

/** By its name, or by a digest or four digits of it at least, as everywhere. */
function named(reference: string, all: readonly ListedImage[]): ListedImage {
  const digits = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(reference)?.[1];
  const found =
    all.find((i) => isNamed(i.reference, reference)) ??
    all.find((i) => digits !== undefined && i.digest.startsWith(`sha256:${digits}`));
  if (found) return found;
  throw usageError(
    `--filter: there is no image "${reference}" to compare with`,
    'skep list shows what there is.',
  );
}

/** Whether this is the name, with its tag or without; * and ? stand for anything but a slash. */
export function isNamed(reference: string, pattern: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*/g, '[^/]*')
    .replace(/\?/g, '[^/]');
  let fits: RegExp;
  try {
    fits = new RegExp(`^(?:${expression})$`);
  } catch {
    return false; // a bracket that nothing closes, which no name has
  }
  return fits.test(reference) || fits.test(splitReference(reference).repository);
}

/** `host:5000/a/b:1` is `host:5000/a/b` and `1`; without a tag `<none>`, as docker says. */
export function splitReference(reference: string): { repository: string; tag: string } {
  const name = reference.split('@', 1)[0]!;
  const colon = name.lastIndexOf(':');
  if (colon <= name.lastIndexOf('/')) return { repository: name, tag: '<none>' };
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}
