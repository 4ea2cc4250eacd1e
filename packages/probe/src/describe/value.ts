export type { Value } from '@skep/bpf';
