import { exportsTraces } from '@skep/identity';
import type { Span } from './spans.ts';

/**
 * Whether its process exports spans of its own, so that this one would be a double. One that ended before anybody looked is as
 * its service: of it nothing is known that tells.
 */
export function isDouble({ identity, service }: Pick<Span, 'identity' | 'service'>): boolean {
  return identity && !identity.fromEvent ? exportsTraces(identity.sdks) : service.tracesItself;
}
