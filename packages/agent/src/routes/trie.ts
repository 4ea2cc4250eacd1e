import { type Answers, judge, type Verdict } from './judge.ts';
import { isParameter, segmentsOf } from './segment.ts';

/** Place in a path: what has been seen behind it, and what is done with it. */
class Node {
  readonly parent: Node | undefined;
  /** As it stands in the route: a name, or `{id}`. */
  readonly segment: string;
  readonly names = new Map<string, Node>();
  parameter: Node | undefined;
  /** Its children are parameters, all of them. */
  learned = false;
  /** How often a scanner's names have gone, in the day that began then. */
  cleared = 0;
  clearedSince = 0;
  /** How many have come since that found no room, in the minute that began then: they are parameters. */
  strangers = 0;
  since = 0;
  /** A path has ended here. */
  route: string | undefined;

  constructor(parent: Node | undefined, segment: string) {
    this.parent = parent;
    this.segment = segment;
  }
}

/** The segments before a place, as the kernel hashes them. */
export type Prefix = readonly ('parameter' | { readonly text: string })[];

/** What a route's segment is called that takes ever new values. */
export const PARAMETER = '{id}';
/** The route of what has none: too many, or its path was never told. */
export const OTHER_ROUTE = '*';

/** What a path became, and what had to be given up for it. */
export interface Found {
  readonly route: string;
  /** Places whose children are parameters from now on. */
  readonly learned: readonly Prefix[];
  /** Routes that are no more: their paths have others now. */
  readonly superseded: readonly string[];
}

export interface TrieLimits {
  /** Names that a place may have behind it before they are taken for values of one parameter. */
  readonly children: number;
  /** Routes at once. */
  readonly routes: number;
  /** Segments of a path that are looked at; what is behind them is `*`. */
  readonly depth: number;
}

export const LIMITS: TrieLimits = { children: 100, routes: 250, depth: 32 };

/** So often a day a place is cleared of names that were refused; what comes after them is a stranger there. */
const CLEARED = 5;
const DAY_MS = 86_400_000;
/**
 * Strangers that a place may have in a minute, in times of {@link TrieLimits.children}. Each has an entry in the kernel until it
 * is known: of a flood it has to know.
 */
const STRANGERS = 20;
const MINUTE_MS = 60_000;
/** A flood is over by then: the names that were there before it may come back. */
const EBB_MS = 3_600_000;

/**
 * The routes of one service, learned from its paths. A segment is a parameter by its look (segment.ts), or because its place has
 * had more different names than a program has routes. A scanner's names ({@link judge}) are no values: they go, and the others
 * stay. Bounded: at the cap of routes the place with most names is given up, and so on, until all there is are depths.
 */
export class Trie {
  readonly #limits: TrieLimits;
  readonly #answers: (route: string) => Answers;
  /** Places that a flood made parameters of, and until when, oldest first. */
  readonly #flooded: { readonly node: Node; readonly until: number }[] = [];
  readonly #root = new Node(undefined, '');
  #routes = 0;
  #now = 0;

  /** @param answers what became of the requests of a route; taken for values unless told */
  constructor(limits: TrieLimits = LIMITS, answers: (route: string) => Answers = () => Infinity) {
    this.#limits = limits;
    this.#answers = answers;
  }

  /** How many routes there are now. */
  get size(): number {
    return this.#routes;
  }

  /** The route of a path, without query; latin1, a character a byte, as the kernel saw it. `now`: milliseconds of any clock. */
  routeOf(path: string, now = 0): Found {
    this.#now = now;
    const learned: Prefix[] = [];
    const superseded: string[] = [];
    let end = this.#walk(path, learned, superseded);
    while (end.route === undefined && this.#routes >= this.#limits.routes) {
      const widest = widestOf(this.#root);
      if (widest === undefined) return { route: OTHER_ROUTE, learned, superseded };
      const verdict = this.#judge(widest);
      if (isScanner(verdict)) this.#clear(widest, verdict, superseded);
      else this.#learn(widest, learned, superseded);
      end = this.#walk(path, learned, superseded);
    }
    if (end.route === undefined) {
      end.route = textOf(end);
      this.#routes++;
    }
    return { route: end.route, learned, superseded };
  }

  /** Places whose names may be told apart again, since a flood is over that made parameters of them. */
  ebb(now: number): readonly Prefix[] {
    const over: Prefix[] = [];
    while (this.#flooded.length > 0 && now >= this.#flooded[0]!.until) {
      const { node } = this.#flooded.shift()!;
      node.learned = false;
      over.push(prefixOf(node));
    }
    return over;
  }

  #walk(path: string, learned: Prefix[], superseded: string[]): Node {
    const segments = segmentsOf(path);
    const { depth, children } = this.#limits;
    let node = this.#root;
    for (const [i, segment] of segments.entries()) {
      if (i >= depth) return name(node, OTHER_ROUTE);
      if (node.learned ? segment !== '' : isParameter(segment)) {
        node.parameter ??= new Node(node, PARAMETER);
        node = node.parameter;
      } else {
        if (this.#now - node.clearedSince >= DAY_MS) node.cleared = 0;
        const crowded = node.cleared >= CLEARED || node.names.size >= children;
        const stranger = crowded && segment !== '' && !node.names.has(segment);
        if (stranger && !this.#makesRoom(node, learned, superseded)) {
          node.parameter ??= new Node(node, PARAMETER);
          node = node.parameter;
        } else node = name(node, segment);
      }
    }
    return node;
  }

  /** One name more has come than there is room for; whether it gets some. */
  #makesRoom(node: Node, learned: Prefix[], superseded: string[]): boolean {
    if (node.cleared < CLEARED) {
      const verdict = this.#judge(node);
      if (isScanner(verdict)) {
        this.#clear(node, verdict, superseded);
        return true;
      }
      if (verdict === 'values') {
        this.#learn(node, learned, superseded);
        return false;
      }
    }
    if (this.#now - node.since >= MINUTE_MS) {
      node.since = this.#now;
      node.strangers = 0;
    }
    if (++node.strangers > STRANGERS * this.#limits.children) this.#flood(node, learned, superseded);
    return false;
  }

  #judge(node: Node): Verdict {
    const names = [...node.names].filter(([text]) => text !== '');
    return judge(names.map(([, child]) => this.#answersOf(child)));
  }

  /** Of all routes behind a place. */
  #answersOf(node: Node): Answers {
    const below = [...node.names.values(), ...(node.parameter ? [node.parameter] : [])];
    const each = below.map((child) => this.#answersOf(child));
    if (node.route !== undefined) each.push(this.#answers(node.route));
    const known = each.filter((count) => count !== undefined);
    const sum = known.reduce((a, b) => a + b, 0);
    return sum === 0 && known.length < each.length ? undefined : sum;
  }

  /** A scanner's names go. Of those that were answered, and only asked for once, nobody can be sure: others like them are strangers. */
  #clear(node: Node, verdict: 'refused' | 'once', superseded: string[]): void {
    if (node.cleared === 0) node.clearedSince = this.#now;
    node.cleared = verdict === 'once' ? CLEARED : node.cleared + 1;
    const most = verdict === 'once' ? 1 : 0;
    for (const [text, child] of node.names) {
      const count = this.#answersOf(child);
      if (text === '' || count === undefined || count > most) continue;
      this.#giveUp(child, superseded);
      node.names.delete(text);
    }
  }

  /** All are parameters for a while, and strangers for a day; the names that were answered come back. */
  #flood(node: Node, learned: Prefix[], superseded: string[]): void {
    const known = [...node.names.values()].filter((child) => (this.#answersOf(child) ?? 0) > 0);
    this.#learn(node, learned, superseded);
    for (const { segment } of known) name(node, segment);
    node.cleared = CLEARED;
    node.clearedSince = this.#now;
    this.#flooded.push({ node, until: this.#now + EBB_MS });
  }

  #learn(node: Node, learned: Prefix[], superseded: string[]): void {
    node.learned = true;
    learned.push(prefixOf(node));
    for (const [text, child] of node.names) {
      // The kernel learns nothing about an empty segment: it has no value.
      if (text === '') continue;
      this.#giveUp(child, superseded);
      node.names.delete(text);
    }
  }

  #giveUp(node: Node, superseded: string[]): void {
    if (node.route !== undefined) {
      superseded.push(node.route);
      this.#routes--;
    }
    if (node.parameter) this.#giveUp(node.parameter, superseded);
    for (const child of node.names.values()) this.#giveUp(child, superseded);
  }
}

function isScanner(verdict: Verdict): verdict is 'refused' | 'once' {
  return verdict === 'refused' || verdict === 'once';
}

function name(node: Node, segment: string): Node {
  let child = node.names.get(segment);
  if (child === undefined) {
    child = new Node(node, segment);
    node.names.set(segment, child);
  }
  return child;
}

/** The place with most names, two at least, of those that are not given up yet. */
function widestOf(root: Node): Node | undefined {
  let best: Node | undefined;
  let most = 1;
  const look = (node: Node): void => {
    const names = node.names.size - (node.names.has('') ? 1 : 0);
    // Deeper ones first: what they have in front of them stays readable.
    for (const child of node.names.values()) look(child);
    if (node.parameter) look(node.parameter);
    if (!node.learned && names > most) {
      best = node;
      most = names;
    }
  };
  look(root);
  return best;
}

/** From the root's child to the node. */
function chain(node: Node): Node[] {
  const nodes: Node[] = [];
  for (let n = node; n.parent !== undefined; n = n.parent) nodes.unshift(n);
  return nodes;
}

function textOf(node: Node): string {
  return chain(node)
    .map((n) => n.segment)
    .join('/');
}

function prefixOf(node: Node): Prefix {
  return chain(node).map((n) => (n.parent!.parameter === n ? ('parameter' as const) : { text: n.segment }));
}
