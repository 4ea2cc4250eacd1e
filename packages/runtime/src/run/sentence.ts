import type { BpfError } from '@skep/bpf';

/** What a {@link BpfError} is about and says, for a note. */
export function sentence(error: unknown): string {
  const { message, hint } = error as BpfError;
  return hint ? `${message}. ${hint}` : message;
}
