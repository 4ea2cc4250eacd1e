import type { Policy, PolicyRule } from './types.ts';

/** The first rule that fits a name, with its tag or without. */
export function ruleFor(policy: Policy, name: string): PolicyRule | undefined {
  const bare = name.replace(/@sha\d+:.*$/, '').replace(/:[^/:]*$/, '');
  return policy.rules.find((rule) => rule.images.some((p) => fits(p, name) || fits(p, bare)));
}

/**
 * Who may have signed what a rule says nothing of: once the policy names a signer anywhere, one of all that its rules name, or that
 * it knows where none does. Undefined where no signature is asked for: by a rule that pins digests, and by a policy that names no signer.
 */
export function signersFor(policy: Policy, rule: PolicyRule | undefined): readonly string[] | undefined {
  if (rule?.signers) return rule.signers;
  if (rule?.digests) return undefined;
  const named = [...new Set(policy.rules.flatMap((r) => r.signers ?? []))];
  // Who lists keys and forgets to say for what means them for something.
  const signers = named.length > 0 ? named : [...policy.signers.keys()];
  return signers.length > 0 ? signers : undefined;
}

function fits(pattern: string, name: string): boolean {
  return patternOf(pattern).test(name);
}

/** A pattern of a policy, where `*` stands for anything. All of a text must fit it. */
export function patternOf(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*')}$`);
}
