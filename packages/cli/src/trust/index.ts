// What `push` and `run` need of signatures, and only when there are some: a file of its own in the bundle.

export { policyCheck } from './policy-check.ts';
export { pushSignatures } from './push-signatures.ts';
