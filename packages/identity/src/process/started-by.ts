import type { Host } from '../host/host.ts';
import { type Process, readProcess } from './read.ts';

/** What Python's multiprocessing starts its workers with (uvicorn --workers, hypercorn): it names no program. */
const workerOfPython = /^from multiprocessing\.\w+ import /;
/** A worker may have workers. */
const MOST_PARENTS = 3;

/**
 * The command line that says what a process runs: its own, or of a worker that a program starts through a line of code, that
 * program's.
 */
export function tellingArgv(host: Host, process: Process): readonly string[] {
  let { argv, ppid } = process;
  for (let i = 0; i < MOST_PARENTS && isWorker(argv); i++) {
    const parent = readProcess(host, ppid);
    if (parent === undefined || parent.exe !== process.exe) break;
    ({ argv, ppid } = parent);
  }
  return argv;
}

function isWorker(argv: readonly string[]): boolean {
  const at = argv.indexOf('-c');
  return at > 0 && workerOfPython.test(argv[at + 1] ?? '');
}
