import { Buffer } from 'node:buffer';
import { AgentError } from '../errors.ts';
import { isParameter, segmentsOf } from './segment.ts';
import type { Prefix } from './trie.ts';

/** A route by configuration: `/users/{user}/orders`, `/static/*`. */
interface Pattern {
  readonly text: string;
  /** A name; undefined for a parameter. */
  readonly segments: readonly (string | undefined)[];
  /** Whatever follows, at least one segment. */
  readonly rest: boolean;
}

/**
 * Routes that are named by configuration; they win over what is learned, the first that fits before the others.
 *
 * What the kernel takes for a parameter is one here too, so a pattern cannot name a segment such as `/v/2`: `{…}` stands for it.
 */
export class Patterns {
  readonly #patterns: readonly Pattern[];

  /** @throws AgentError SKEP_AGENT_CONFIG for a pattern that can match nothing */
  constructor(texts: readonly string[]) {
    this.#patterns = texts.map(parse);
  }

  get size(): number {
    return this.#patterns.length;
  }

  /** The pattern's own text where one fits. */
  match(path: string): string | undefined {
    if (this.#patterns.length === 0) return undefined;
    const segments = segmentsOf(path);
    return this.#patterns.find((p) => fits(p, segments))?.text;
  }

  /**
   * Up to where the kernel may be told that a segment of this path is a parameter: how many segments stand before each `{…}` of the
   * pattern that fits it, where no other pattern names a segment in that place.
   */
  parameterPlaces(path: string): readonly number[] {
    const segments = segmentsOf(path);
    const pattern = this.#patterns.find((p) => fits(p, segments));
    if (!pattern) return [];
    const places: number[] = [];
    for (const [place, segment] of pattern.segments.entries()) {
      if (segment !== undefined) continue;
      const named = this.#patterns.some(
        (p) => p.segments[place] !== undefined && startAlike(p, pattern, place),
      );
      if (!named) places.push(place);
    }
    return places;
  }

  /** Whether a pattern names a segment right behind this place: the kernel could not tell it from others, had it learned the place. */
  namesBehind(prefix: Prefix): boolean {
    return this.#patterns.some(
      ({ segments }) =>
        segments[prefix.length] !== undefined &&
        prefix.every((hashed, i) => {
          const name = segments[i];
          return name === undefined || (hashed !== 'parameter' && hashed.text === name);
        }),
    );
  }
}

function parse(text: string): Pattern {
  const refuse = (why: string) => {
    throw new AgentError(
      'SKEP_AGENT_CONFIG',
      `the route "${text}" ${why}`,
      'Write /users/{user}, or /static/* for all that begins so.',
    );
  };
  if (!text.startsWith('/')) refuse('does not begin with /');
  // Paths are compared as bytes.
  const words = segmentsOf(Buffer.from(text).toString('latin1'));
  const rest = words.at(-1) === '*';
  if (rest) words.pop();
  const segments = words.map((word) => {
    if (/^\{[^{}/]+\}$/.test(word)) return undefined;
    if (/[{}*]/.test(word)) refuse(`has "${word}", which is neither a name nor {a parameter}`);
    if (isParameter(word)) refuse(`names "${word}", which skep takes for a value: write {…} in its place`);
    return word;
  });
  return { text, segments, rest };
}

function fits({ segments, rest }: Pattern, path: readonly string[]): boolean {
  if (rest ? path.length <= segments.length : path.length !== segments.length) return false;
  return segments.every((name, i) => (name === undefined ? path[i] !== '' : name === path[i]));
}

/** Can a path reach the same place by both? */
function startAlike(a: Pattern, b: Pattern, places: number): boolean {
  for (let i = 0; i < places; i++) {
    const [x, y] = [a.segments[i], b.segments[i]];
    if (i >= a.segments.length && !a.rest) return false;
    if (x !== undefined && y !== undefined && x !== y) return false;
  }
  return true;
}
