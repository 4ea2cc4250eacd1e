import type * as Bpf from '@skep/bpf';
import { type Check, essential } from './check.ts';

/** What this kernel can, found out by trying, not guessed from its version. */
export function checkFeatures(bpf: typeof Bpf): Check[] {
  const hooks = bpf.hookKinds.map((kind) => check('Hooks', kind, bpf.probeHook(kind)));
  const programs = bpf.programTypes.slice(1).map((t) => check('Program types', t, bpf.probeProgramType(t)));
  const maps = bpf.mapTypes.slice(1).map((t) => check('Map types', t, bpf.probeMapType(t)));
  return [...hooks, ...programs, ...maps];
}

function check(area: string, name: string, result: Bpf.FeatureResult): Check {
  const { available: ok, reason: detail, hint: mend } = result;
  return { area, name, ok, detail, mend, essential: false };
}

/** One of several must be there: otherwise no probe could be attached, or none could say anything. */
export function needOneOf(name: string, checks: readonly Check[], names: readonly string[]): Check[] {
  const some = checks.filter((c) => names.includes(c.name));
  if (some.length === 0 || some.some((c) => c.ok !== false)) return [];
  return [essential({ ...some[0]!, area: 'Kernel', name, detail: `none of ${names.join(', ')}` })];
}
