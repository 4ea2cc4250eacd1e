import { native } from '../native.ts';

/**
 * Gives back the pages of Node's program file that only the start of the process needed, some 40 MB of resident
 * memory, and what malloc holds free. Pages that are needed again are mapped again from the page cache, about a
 * microsecond each. For a process that will run for long: once after its start, and now and then.
 *
 * A uprobe or a debugger's breakpoint that somebody has set in *this* process's Node is lost with them.
 *
 * @returns bytes of address space whose pages were dropped (not all were resident)
 */
export function releaseMemory(): number {
  return native().releaseMemory();
}
