import type { HookChoice } from '../contract/hooks.ts';

/** What a person is told of the groups of hooks: which rung each took, and what was left out, why. */
export function hookNotes(choices: readonly HookChoice[]): string[] {
  const taken = choices.filter((c) => c.taken !== undefined && c.rungs.length > 1);
  const notes = taken.length > 0 ? [`hooks: ${taken.map((c) => `${c.group} by ${c.taken}`).join(', ')}`] : [];
  for (const choice of choices) if (choice.taken === undefined) notes.push(leftOut(choice));
  return notes;
}

function leftOut({ group, rungs, without }: HookChoice): string {
  const reasons = rungs.flatMap(({ name, reason, state }) => {
    if (state === 'not asked for') return [];
    return [rungs.length > 1 ? `${name}: ${reason}` : reason];
  });
  const why = reasons.length > 0 ? reasons.join('; ') : 'as asked for';
  return `${group} was left out: ${why}${without ? `. This run is without it: ${without}` : ''}`;
}
