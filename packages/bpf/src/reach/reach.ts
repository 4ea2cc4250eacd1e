import type { Code, Place } from './code.ts';
import { valuesKey } from './value.ts';
import { type Entered, mayWalk, sureWalk, type Walk } from './walk.ts';

/** Sets of arguments that one function is walked with for one program; after them, with arguments of which nothing is known. */
const MAX_VARIANTS = 6;

/** Whether the verifier walks an instruction. */
export type Reached = 'surely' | 'perhaps' | 'never';

/**
 * Which instructions of a program the kernel's verifier walks, given what is constant once it is loaded.
 *
 * `never`: no way leads there, whatever numbers the program meets. `surely`: a way leads there on which every jump
 * depends on constants, or on a number of which the verifier knows nothing and that has not been asked before; as the
 * verifier is sound, it must walk there. `perhaps` is the rest.
 *
 * A function is walked once for all programs of the same `code` that call it with the same arguments.
 *
 * @param besides functions that the verifier may begin at as well, called or not
 */
export function reach(code: Code, entry: Place, besides: readonly Place[] = []): (place: Place) => Reached {
  const walks = walksOf(code);
  const start: Entered = { ...entry, args: [{ kind: 'context' }] };
  const sure = gather(walks.sure, [start], false);
  let may: Walks | typeof TOO_LONG | undefined;
  return (place) => {
    if (sure !== TOO_LONG && has(sure, place)) return 'surely';
    may ??= gather(walks.may, [start, ...besides.map((p) => ({ ...p, args: [] }))], true);
    return may === TOO_LONG || has(may, place) ? 'perhaps' : 'never';
  };
}

/** The walks of all functions that a program reaches, by section. */
type Walks = ReadonlyMap<string, readonly Walk[]>;
const TOO_LONG = 'too long';

function has(walks: Walks, { section, at }: Place): boolean {
  return walks.get(section)?.some(({ reached }) => reached[at >> 3]! > 0) ?? false;
}

/** The walk of a function, done once. */
type Walker = (key: string, entered: Entered) => Walk;

const known = new WeakMap<Code, { sure: Walker; may: Walker }>();

function walksOf(code: Code): { sure: Walker; may: Walker } {
  const once = (walk: (code: Code, entered: Entered) => Walk): Walker => {
    const done = new Map<string, Walk>();
    return (key, entered) => {
      const found = done.get(key) ?? walk(code, entered);
      done.set(key, found);
      return found;
    };
  };
  const found = known.get(code) ?? { sure: once(sureWalk), may: once(mayWalk) };
  known.set(code, found);
  return found;
}

/** All that is reached from some functions. With `all`, nothing that may be reached is left out. */
function gather(walker: Walker, starts: readonly Entered[], all: boolean): Walks | typeof TOO_LONG {
  const walks = new Map<string, Walk[]>();
  const variants = new Map<string, Set<string>>();
  const work = [...starts];
  for (let next = work.pop(); next; next = work.pop()) {
    const { section, at } = next;
    const of = `${at} ${section}`;
    const seen = variants.get(of) ?? new Set();
    variants.set(of, seen);
    let entered = next;
    next.key ??= valuesKey(next.args);
    let { key } = next;
    if (!seen.has(key) && seen.size >= MAX_VARIANTS) {
      if (!all) continue;
      entered = { section, at, args: [] };
      key = valuesKey([]);
    }
    if (seen.has(key)) continue;
    seen.add(key);
    const walk = walker(`${of} ${key}`, entered);
    if (walk.tooLong) return TOO_LONG;
    const there = walks.get(section);
    if (there) there.push(walk);
    else walks.set(section, [walk]);
    work.push(...walk.entered);
  }
  return walks;
}
