/** What a process that stays does for its machine, and for whoever manages it. */
import * as bpf from '@skep/bpf';
import { explain } from './errors.ts';
import { note } from './output/out.ts';

/** Whoever manages this process as a service waits for it. */
export function tellService(what: 'READY=1' | 'STOPPING=1'): void {
  try {
    bpf.notifyService(what);
  } catch (error) {
    note(explain(error).message);
  }
}

/**
 * Gives back what only the start needed of Node's 120 MB, then what compiling and collecting touched meanwhile. Half a
 * millisecond each time; the resident memory of a run that lasts is what it works with.
 */
export function trimMemory(): { dispose(): void } {
  const first = setTimeout(bpf.releaseMemory, 1000);
  const later = setInterval(bpf.releaseMemory, 10_000);
  return {
    dispose() {
      clearTimeout(first);
      clearInterval(later);
    },
  };
}
