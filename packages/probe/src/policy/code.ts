import { helperName, parseObject } from '@skep/bpf';
import { describeObject } from '../describe/describe.ts';
import { effectsOf, helpersCalled } from '../effects/effects.ts';
import { ProbeError } from '../errors.ts';
import type { ProbeImage } from '../image/types.ts';
import type { Policy, PolicyRule } from './types.ts';

/**
 * Refuses a probe whose code a rule does not allow: by the kinds of its programs, the helpers that they call, and what they can
 * do besides looking. All programs count, also those that are loaded only when asked for.
 *
 * @throws {ProbeError} `SKEP_POLICY`
 */
export function checkCode(policy: Policy, rule: PolicyRule, image: ProbeImage): void {
  const { programTypes, helpers, refuseHelpers, observeOnly } = rule;
  if (!programTypes && !helpers && !refuseHelpers && !observeOnly) return;
  for (const { bytes, name } of image.objects) {
    const { elf, btf } = parseObject(bytes, name);
    const { programs } = describeObject(bytes, name);
    for (const program of programs) {
      if (programTypes && !programTypes.includes(program.type))
        throw refused(policy, rule, image, `its program ${program.name} is of the kind ${program.type}`);
      if (!helpers && !refuseHelpers) continue;
      for (const called of helpersCalled(elf, program.name)) {
        const helper = helperName(called);
        if ((helpers && !helpers.includes(helper)) || refuseHelpers?.includes(helper))
          throw refused(policy, rule, image, `its program ${program.name} calls ${helper}()`);
      }
    }
    if (!observeOnly) continue;
    for (const [program, [first]] of effectsOf(elf, btf, programs))
      throw refused(policy, rule, image, `its program ${program} may do more than look: it ${first!.what}`);
  }
}

/** An image that the policy does not allow. */
export function refused(policy: Policy, rule: PolicyRule, image: { name: string }, why: string): ProbeError {
  return new ProbeError('SKEP_POLICY', `The policy of this machine refuses ${image.name}: ${why}.`, {
    hint: `The rule is ${policy.file}:${rule.line}.`,
  });
}
