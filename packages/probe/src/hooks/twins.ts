import type { HookGroup, HookObject, HookProgram } from './types.ts';
import { mapsUsed } from './uses.ts';

/** Classes of hooks that can stand in for each other, best first. */
const CLASSES = ['fentry', 'tp_btf', 'raw_tp', 'kprobe', 'tracepoint'] as const;
type Class = (typeof CLASSES)[number];

interface Kind {
  readonly class: Class;
  readonly of: 'function' | 'event';
  readonly phase: 'entry' | 'return';
}

const KINDS: Readonly<Record<string, Kind>> = {
  fentry: { class: 'fentry', of: 'function', phase: 'entry' },
  fexit: { class: 'fentry', of: 'function', phase: 'return' },
  kprobe: { class: 'kprobe', of: 'function', phase: 'entry' },
  kretprobe: { class: 'kprobe', of: 'function', phase: 'return' },
  tp_btf: { class: 'tp_btf', of: 'event', phase: 'entry' },
  raw_tp: { class: 'raw_tp', of: 'event', phase: 'entry' },
  tracepoint: { class: 'tracepoint', of: 'event', phase: 'entry' },
};

/** All that hooks one function or one event, by class. */
interface Subject {
  readonly name: string;
  readonly byClass: Map<Class, HookProgram[]>;
}

/**
 * Programs that do the same job by different hooks, as libbpf-tools has them, found by their likeness: fentry and fexit
 * beside kprobe and kretprobe of the same functions, tp_btf beside raw_tp or tracepoint of the same events, working on
 * the same maps. Functions (or events) that share maps and have the same choice are one group: an entry that remembers
 * and an exit that looks it up must be of one rung.
 *
 * Not twins: an fentry and a kretprobe, of which each does half; programs that share no map; programs of which each has
 * a map that the other does not know.
 *
 * @param programs those without tags of their own
 */
export function findTwins(object: HookObject, programs: readonly HookProgram[]): HookGroup[] {
  const subjects = subjectsOf(programs).filter(isChoice);
  if (subjects.length === 0) return [];
  const uses = mapsUsed(
    object.elf,
    subjects.flatMap((s) => [...s.byClass.values()].flat().map((p) => p.name)),
  );
  const order = object.programs.map((p) => p.name);
  return together(subjects, uses)
    .filter((group) => sameMaps(group, uses))
    .map((group) => ({
      name: group[0]!.name,
      optional: false,
      twins: true,
      rungs: classesOf(group[0]!).map((name) => ({
        name,
        programs: group
          .flatMap((s) => s.byClass.get(name)!.map((p) => p.name))
          .sort((a, b) => order.indexOf(a) - order.indexOf(b)),
      })),
    }));
}

function subjectsOf(programs: readonly HookProgram[]): Subject[] {
  const found = new Map<string, Subject>();
  for (const p of programs) {
    const kind = Object.hasOwn(KINDS, p.type) ? KINDS[p.type]! : undefined;
    const name = kind?.of === 'event' ? p.target.replace(/^.*[/:]/, '') : p.target;
    if (!kind || name === '' || !p.autoload) continue;
    const key = `${kind.of} ${name}`;
    const subject = found.get(key) ?? { name, byClass: new Map<Class, HookProgram[]>() };
    found.set(key, subject);
    const list = subject.byClass.get(kind.class);
    if (list) list.push(p);
    else subject.byClass.set(kind.class, [p]);
  }
  return [...found.values()];
}

/** Has two classes or more, and each can do what the better ones do. */
function isChoice({ byClass }: Subject): boolean {
  if (byClass.size < 2) return false;
  const fentry = byClass.get('fentry');
  const kprobe = byClass.get('kprobe');
  if (!fentry || !kprobe) return true;
  const has = (programs: readonly HookProgram[], phase: Kind['phase']) =>
    programs.some((p) => KINDS[p.type]!.phase === phase);
  // fexit has the arguments too, so it alone does what takes a kprobe and a kretprobe.
  if (has(fentry, 'return') !== has(kprobe, 'return')) return false;
  return !has(fentry, 'entry') || has(kprobe, 'entry');
}

function classesOf(subject: Subject): Class[] {
  return CLASSES.filter((c) => subject.byClass.has(c));
}

/** Puts subjects together that share a map and offer the same classes. */
function together(subjects: readonly Subject[], uses: ReadonlyMap<string, ReadonlySet<string>>): Subject[][] {
  const groups: { classes: string; maps: Set<string>; subjects: Subject[] }[] = [];
  for (const subject of subjects) {
    const classes = classesOf(subject).join();
    const maps = new Set([...subject.byClass.values()].flat().flatMap((p) => [...uses.get(p.name)!]));
    const near = groups.filter((g) => g.classes === classes && [...maps].some((m) => g.maps.has(m)));
    const merged = { classes, maps, subjects: [...near.flatMap((g) => g.subjects), subject] };
    for (const g of near) {
      for (const m of g.maps) merged.maps.add(m);
      groups.splice(groups.indexOf(g), 1);
    }
    groups.push(merged);
  }
  return groups.map((g) => g.subjects);
}

/** Each class works on maps of the best one; it may have more of its own, to carry arguments to the return. */
function sameMaps(group: readonly Subject[], uses: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  const [best, ...others] = classesOf(group[0]!).map(
    (c) => new Set(group.flatMap((s) => s.byClass.get(c)!.flatMap((p) => [...uses.get(p.name)!]))),
  );
  const within = (a: ReadonlySet<string>, b: ReadonlySet<string>) => [...a].every((m) => b.has(m));
  return best!.size > 0 && others.every((o) => o.size > 0 && (within(best!, o) || within(o, best!)));
}
