import { membersOf } from './generate-read.ts';
import type { Plan } from './plan.ts';
import type { FormatSpec, Value } from './types.ts';
import { stringify } from './write-text.ts';

type Shown = (value: Value) => Value;

/**
 * How an array or a struct without a format of its own is shown whose parts have one: each as it is shown alone, an
 * `ipv4_addr[2]` as two addresses. Undefined where all parts are plain in JSON.
 */
export function formatOfParts(plan: Plan): FormatSpec | undefined {
  const json = plan.format ? undefined : shownParts(plan);
  return json && { name: 'parts', json, text: (value) => stringify(json(value)) };
}

function shownParts(plan: Plan): Shown | undefined {
  if (plan.kind === 'array') {
    const shown = shownPart(plan.element);
    return shown && ((value) => (value as Value[]).map(shown));
  }
  if (plan.kind !== 'struct' && plan.kind !== 'union') return undefined;
  const members = membersOf(plan.members).map((m) => [m.name, shownPart(m.plan)] as const);
  if (members.every(([, shown]) => shown === undefined)) return undefined;
  return (value) => {
    const from = value as { [name: string]: Value };
    return Object.fromEntries(
      members.map(([name, shown]) => [name, shown ? shown(from[name]!) : from[name]!]),
    );
  };
}

function shownPart(plan: Plan): Shown | undefined {
  return plan.format ? plan.format.json : shownParts(plan);
}
