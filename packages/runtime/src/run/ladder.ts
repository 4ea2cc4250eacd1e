import {
  type BpfObject,
  type BpfProgram,
  type KernelFacts,
  quickFacts,
  runningKernel,
  type Verdict,
} from '@skep/bpf';
import { chooseRung, type HookGroup, hookGroups, judgeHook, type Rung } from '@skep/probe';
import type { HookChoice, HookRung } from '../contract/hooks.ts';
import { listed, RuntimeError } from '../errors.ts';
import { sentence } from './sentence.ts';

/** What the caller wants of the groups of hooks. */
export interface HookRequest {
  /** Rungs to be taken, by group; `none` leaves an optional one out. */
  readonly forced: Readonly<Record<string, string>>;
  readonly twins: boolean;
  /** Judge every rung by all that is known of the kernel, not only as many as it takes by what is quickly known. */
  readonly explain: boolean;
}

/** Where a program goes. */
type TargetOf = (program: BpfProgram) => string | { message: string; hint: string };

/** Read once for all objects of a run, and only when a group has a choice. */
export function factsOnce(explain: boolean): () => KernelFacts {
  let facts: KernelFacts | undefined;
  return () => {
    facts ??= explain ? runningKernel() : quickFacts();
    return facts;
  };
}

type State = HookRung['state'];

/** One group on its way down. */
interface Step {
  readonly group: HookGroup;
  taken: Rung | undefined;
  /** The object that the taken rung's programs were loaded with. */
  object: BpfObject;
  readonly found: Map<string, { state: State; reason?: string; hint?: string }>;
  /** The first error of the kernel, to be told where no rung is left. */
  cause?: unknown;
}

/**
 * The groups of hooks of one object, and which rung each of them is on. It begins with the best that is not refused;
 * {@link Ladder.stepDown} takes the next.
 */
export class Ladder {
  readonly #name: string;
  readonly #request: HookRequest;
  readonly #facts: () => KernelFacts;
  readonly #steps: Step[];
  readonly #inGroups: ReadonlySet<string>;
  #object: BpfObject;
  #targetOf: TargetOf = (program) => program.target;

  /** @throws ProbeError when the object's tags contradict each other */
  constructor(name: string, object: BpfObject, request: HookRequest, facts: () => KernelFacts) {
    this.#name = name;
    this.#object = object;
    this.#request = request;
    this.#facts = facts;
    const groups = hookGroups(object, { twins: request.twins });
    this.#steps = groups.map((group) => ({ group, taken: undefined, object, found: new Map() }));
    this.#inGroups = new Set(groups.flatMap((g) => g.rungs.flatMap((r) => r.programs)));
  }

  get groups(): readonly HookGroup[] {
    return this.#steps.map((s) => s.group);
  }

  /**
   * Chooses a rung for each group.
   *
   * @param targetOf where a program goes: its hook, or what is wrong when it has none
   * @throws RuntimeError SKEP_NO_RUNG when a group that is needed has none
   */
  choose(targetOf: TargetOf): void {
    this.#targetOf = targetOf;
    for (const step of this.#steps) {
      const wanted = this.#request.forced[step.group.name];
      if (wanted !== undefined) force(step, wanted);
      else if (!this.#request.explain && step.group.rungs.length === 1 && !step.group.optional)
        step.taken = step.group.rungs[0];
      else this.#next(step);
    }
    // Only then: the error tells of all groups.
    for (const step of this.#steps) if (!step.taken) this.#leaveOut(step);
    this.configure(this.#object);
  }

  /** After the object was opened anew: the same choice holds for it. */
  configure(object: BpfObject): void {
    this.#object = object;
    const wanted = new Set<string>();
    for (const step of this.#steps) {
      step.object = object;
      for (const name of step.taken?.programs ?? []) wanted.add(name);
    }
    for (const program of object.programs) {
      const on = this.#inGroups.has(program.name) ? wanted.has(program.name) : program.autoload;
      if (program.autoload !== on) program.autoload = on;
    }
  }

  /**
   * The object did not load: the group whose program stood in the way, or, where nobody knows which, every group that
   * can, takes its next rung.
   *
   * @throws the error, when no other choice could mend it; RuntimeError SKEP_NO_RUNG when a group has none left
   */
  stepDown(error: unknown): void {
    const culprits = this.#culprits(error);
    if (culprits.length === 0) throw error;
    for (const step of culprits) this.failed(step.group, error);
  }

  #culprits(error: unknown): Step[] {
    const { object, message } = error as { object?: string; message: string };
    const open = this.#steps.filter((s) => s.taken);
    const named = open.filter((s) =>
      s.taken!.programs.some((name) => name === object || new RegExp(`\\b${name}\\b`).test(message)),
    );
    if (named.length > 0) return named;
    if (this.#object.programs.some((p) => p.name === object)) return [];
    return open.filter((s) => s.group.optional || this.#left(s).length > 0);
  }

  /** A group's taken rung did not load or attach: the next. @throws RuntimeError SKEP_NO_RUNG, or the error itself when it was forced */
  failed(group: HookGroup, error: unknown): void {
    const step = this.#step(group);
    const rung = step.taken!;
    step.taken = undefined;
    step.object = this.#object;
    step.cause ??= error;
    step.found.set(rung.name, { state: 'failed', reason: sentence(error) });
    if (this.#request.forced[group.name] !== undefined) throw error;
    this.#next(step);
    if (!step.taken) this.#leaveOut(step);
  }

  /** The rung that a group is on; undefined when it was left out. */
  taken(group: HookGroup): Rung | undefined {
    return this.#step(group).taken;
  }

  /** The taken rung is loaded with another object than the rest. */
  loadWith(group: HookGroup, object: BpfObject): void {
    this.#step(group).object = object;
  }

  /** The object that {@link Ladder.programsOf} are of. */
  objectOf(group: HookGroup): BpfObject {
    return this.#step(group).object;
  }

  /** Programs of a group's taken rung. */
  programsOf(group: HookGroup): BpfProgram[] {
    const { taken, object } = this.#step(group);
    return (taken?.programs ?? []).map((name) => object.program(name));
  }

  /** Whether programs of groups are not loaded: other rungs than the taken ones, or a group that was left out. */
  get leavesOut(): boolean {
    return this.#steps.some(({ group, taken }) => group.rungs.some((rung) => rung !== taken));
  }

  /** Programs that are in no group. */
  always(): BpfProgram[] {
    return this.#object.programs.filter((p) => p.autoload && !this.#inGroups.has(p.name));
  }

  /** All programs that are loaded to be attached. */
  programs(): BpfProgram[] {
    return [...this.always(), ...this.#steps.flatMap((s) => this.programsOf(s.group))];
  }

  /** What became of each group. */
  choices(): HookChoice[] {
    return this.#steps.map(({ group, taken, found }) => ({
      group: group.name,
      object: this.#name,
      optional: group.optional,
      twins: group.twins,
      without: group.without,
      taken: taken?.name,
      rungs: group.rungs.map((rung): HookRung => {
        const known = found.get(rung.name) ?? { state: 'not needed' };
        const state = rung === taken ? 'taken' : known.state;
        return { name: rung.name, programs: rung.programs, ...known, state };
      }),
    }));
  }

  #step(group: HookGroup): Step {
    return this.#steps.find((s) => s.group === group)!;
  }

  /** Rungs below the one it is on, or all that were not tried yet. */
  #left({ group, found, taken }: Step): Rung[] {
    return group.rungs.filter(
      (r) => r !== taken && !['failed', 'refused'].includes(found.get(r.name)?.state ?? ''),
    );
  }

  #next(step: Step): void {
    const { btf } = this.#object;
    const verdictOf = (name: string): Verdict => {
      const program = this.#object.program(name);
      const target = this.#targetOf(program);
      if (typeof target !== 'string') return { state: 'refused', reason: target.message, hint: target.hint };
      const { type, section, autoload } = program;
      return judgeHook({ name, type, section, autoload, target }, this.#facts(), btf);
    };
    const group = { ...step.group, rungs: this.#left(step) };
    const { judged, taken } = chooseRung(group, verdictOf, { all: this.#request.explain });
    for (const { rung, verdict } of judged) {
      const state = verdict.state === 'refused' ? 'refused' : 'not needed';
      const reason = verdict.state === 'runs' ? verdict.note : verdict.reason;
      step.found.set(rung.name, { state, reason, hint: verdict.state === 'runs' ? undefined : verdict.hint });
    }
    step.taken = taken;
  }

  #leaveOut(step: Step): void {
    if (step.group.optional) return;
    throw noRung(this.#name, step, this.choices());
  }
}

function force(step: Step, name: string): void {
  for (const rung of step.group.rungs) step.found.set(rung.name, { state: 'not asked for' });
  step.taken = step.group.rungs.find((r) => r.name === name);
}

function noRung(object: string, { group, found, cause }: Step, choices: readonly HookChoice[]): RuntimeError {
  const reasons = group.rungs.map((r) => `${r.name}: ${found.get(r.name)?.reason ?? 'not tried'}`);
  return new RuntimeError(
    'SKEP_NO_RUNG',
    `${object}: this kernel has no hook for "${group.name}", which the probe needs: ${reasons.join('; ')}`,
    '"skep doctor" says which kinds of hook this kernel has; --explain shows each alternative in a table.',
    cause,
    choices,
  );
}

/**
 * Checks what `--hook` asks for against the groups there are.
 *
 * @throws RuntimeError SKEP_HOOK_UNKNOWN, which names the choices
 */
export function checkForced(forced: Readonly<Record<string, string>>, groups: readonly HookGroup[]): void {
  for (const [name, rung] of Object.entries(forced)) {
    const found = groups.filter((g) => g.name === name);
    const names = [...new Set(groups.map((g) => g.name))];
    if (found.length === 0)
      throw new RuntimeError(
        'SKEP_HOOK_UNKNOWN',
        `there is no group of hooks "${name}"`,
        names.length > 0 ? `Groups: ${listed(names)}.` : 'This probe offers no choice of hooks.',
      );
    for (const group of found) {
      const choices = group.rungs.map((r) => r.name);
      if (choices.includes(rung) || (rung === 'none' && group.optional)) continue;
      throw new RuntimeError(
        'SKEP_HOOK_UNKNOWN',
        `the group of hooks "${name}" has no rung "${rung}"`,
        `Rungs, best first: ${listed(group.optional ? [...choices, 'none'] : choices)}.`,
      );
    }
  }
}
