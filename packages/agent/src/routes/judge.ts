/**
 * How many requests of a name were answered with something else than that there is no such thing (4xx): 0 when all were refused
 * so; undefined while nobody knows.
 */
export type Answers = number | undefined;

/**
 * Whose the names at a place are that has no room for more: a scanner's, as most were refused, or as most were asked for once
 * where others are asked for again and again (a server may answer everything with its page); nobody knows yet; or values.
 */
export type Verdict = 'refused' | 'once' | 'undecided' | 'values';

/** So many times as often as those that were asked for once the others have to be. */
const AGAIN = 5;

/** Judges by four names of five. */
export function judge(names: readonly Answers[]): Verdict {
  let [refused, once, unknown, answered] = [0, 0, 0, 0];
  for (const count of names) {
    if (count === undefined) unknown++;
    else if (count === 0) refused++;
    else if (count === 1) once++;
    answered += count ?? 0;
  }
  const most = (some: number) => some * 5 >= names.length * 4;
  if (refused > 0 && most(refused)) return 'refused';
  const strange = answered >= AGAIN * once ? refused + once : refused;
  if (strange > 0 && most(strange)) return 'once';
  return unknown > 0 && most(strange + unknown) ? 'undecided' : 'values';
}
