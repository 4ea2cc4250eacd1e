import type { Verdict } from '@skep/bpf';
import type { HookGroup, Rung } from './types.ts';

/** What was found of one rung. */
export interface JudgedRung {
  readonly rung: Rung;
  readonly verdict: Verdict;
}

/** Which rung of a group would be taken. */
export interface Choice {
  readonly group: HookGroup;
  /** The best one that is not refused; undefined when all are. */
  readonly taken?: Rung;
  /** Best first, as far down as the one that is taken, or all with `all`. */
  readonly judged: readonly JudgedRung[];
}

/**
 * The first rung that is not refused. One that is `unknown` is taken: the load or the attachment then tells.
 *
 * @param verdictOf what is known of a program; asked only for as many rungs as it takes
 * @param options `all`: judge the rungs below the taken one too; `not`: rungs that are out of the question
 */
export function chooseRung(
  group: HookGroup,
  verdictOf: (program: string) => Verdict,
  options: { all?: boolean; not?: ReadonlySet<string> } = {},
): Choice {
  const judged: JudgedRung[] = [];
  let taken: Rung | undefined;
  for (const rung of group.rungs) {
    if (options.not?.has(rung.name)) continue;
    if (taken && !options.all) break;
    const verdict = judgeRung(rung, verdictOf);
    judged.push({ rung, verdict });
    if (verdict.state !== 'refused') taken ??= rung;
  }
  return { group, taken, judged };
}

/** All its programs run, or it does not: refused when one is, else unknown when one is, else runs. */
export function judgeRung(rung: Rung, verdictOf: (program: string) => Verdict): Verdict {
  const verdicts = rung.programs.map(verdictOf);
  const refused = collect(verdicts, 'refused');
  if (refused) return refused;
  const unknown = collect(verdicts, 'unknown');
  if (unknown) return unknown;
  const notes = verdicts.flatMap((v) => (v.state === 'runs' && v.note ? [v.note] : []));
  return { state: 'runs', note: notes.length > 0 ? [...new Set(notes)].join('; ') : undefined };
}

/** Fourteen programs that are refused for one reason have one reason. */
function collect(verdicts: readonly Verdict[], state: 'refused' | 'unknown'): Verdict | undefined {
  const reasons = new Set<string>();
  const hints = new Set<string>();
  for (const v of verdicts) {
    if (v.state !== state) continue;
    reasons.add(v.reason);
    if (v.hint) hints.add(v.hint);
  }
  if (reasons.size === 0) return undefined;
  return { state, reason: [...reasons].join('; '), hint: [...hints].join(' ') || undefined };
}
