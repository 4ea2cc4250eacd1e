import type * as Bpf from '@skep/bpf';
import { type Check, essential } from './check.ts';

/** What this kernel can, found out by trying, not guessed from its version. */
export function checkFeatures(bpf: typeof Bpf): Check[] {
  return bpf.kernelFeatures().map((f) => {
    const { available: ok, reason: detail, hint: mend } = f.probe();
    return { area: f.group, name: f.name, ok, detail, mend, essential: false, since: f.since };
  });
}

/** One of several must be there: otherwise no probe could be attached, or none could say anything. */
export function needOneOf(name: string, checks: readonly Check[], names: readonly string[]): Check[] {
  const some = checks.filter((c) => names.includes(c.name));
  if (some.length === 0 || some.some((c) => c.ok !== false)) return [];
  return [essential({ ...some[0]!, area: 'Kernel', name, detail: `none of ${names.join(', ')}` })];
}
