/** What may run on a machine. Apart from the rest: only a machine with a policy file needs it. */
export { checkCode, refused } from './code.ts';
export { parsePolicy } from './parse.ts';
export { ruleFor, signersFor } from './rule.ts';
export type { Policy, PolicyRule } from './types.ts';
