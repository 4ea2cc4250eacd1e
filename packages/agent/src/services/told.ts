import { PEER_SERVICE, peerKind, peerService, RAW_PROCESS } from '../kernel/key.ts';
import type { Processes } from './processes.ts';

/**
 * Rings of the kernel are read each for itself: who a process is may be told this much later than what it did, milliseconds.
 * Looked at before, one that has ended meanwhile would be without a name.
 */
export const TOLD_MS = 30;

/** Whether a series' or span's service, or the one at its other end, is a process that nobody may have told of yet. */
export function isUntold(
  processes: Pick<Processes, 'knows'>,
  { service, peer }: { readonly service: number; readonly peer: bigint },
): boolean {
  const other = peerKind(peer) === PEER_SERVICE ? peerService(peer) : 0;
  return [service, other].some((n) => n >= RAW_PROCESS && !processes.knows(n - RAW_PROCESS));
}
