/** What may run on a machine. Apart from the rest: only a machine with a policy file needs it. */
export { checkCode, refused } from './code.ts';
export { parsePolicy, unreadable } from './parse.ts';
export { patternOf, ruleFor, signersFor } from './rule.ts';
export type { CertifiedName, Policy, PolicyRule } from './types.ts';
