/** What a process that stays does for its machine, and for whoever manages it. */
import * as bpf from '@skep/bpf';
import { explain } from './errors.ts';
import { note } from './output/out.ts';

/** What ends a command that stays, in order; a terminal that hangs up does not when it was started with nohup, as its launcher tells. */
export function endingSignals(env: NodeJS.ProcessEnv = process.env): NodeJS.Signals[] {
  if (env.SKEP_NOHUP !== '1') return ['SIGINT', 'SIGTERM', 'SIGHUP'];
  process.on('SIGHUP', ignore);
  return ['SIGINT', 'SIGTERM'];
}

const ignore = (): void => undefined;

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
