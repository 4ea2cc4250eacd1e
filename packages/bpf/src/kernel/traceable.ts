import { readFileSync } from 'node:fs';
import { tracefs } from './filesystems.ts';

/**
 * The kernel's functions that fit a pattern (`*` and `?` as in a shell) and can be traced, modules left out; from
 * tracefs, or else from /proc/kallsyms, which also has some that cannot.
 */
export function traceableFunctions(pattern: string): string[] {
  const fits = globRegExp(pattern);
  const where = tracefs();
  const names = new Set<string>();
  for (const line of (where && lines(`${where}/available_filter_functions`)) ?? kallsyms()) {
    // A second word is the module.
    if (line.includes(' ') || line.includes('\t')) continue;
    if (fits.test(line)) names.add(line);
  }
  return [...names];
}

/** `vfs_*` as an expression over whole names. */
export function globRegExp(pattern: string): RegExp {
  const parts = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${parts.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}

function lines(path: string): string[] | undefined {
  try {
    return readFileSync(path, 'latin1').split('\n');
  } catch (error) {
    // Not every kernel has ftrace, not everybody may read tracefs, and a locked-down kernel keeps this to itself.
    if (['ENOENT', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

function kallsyms(): string[] {
  return (lines('/proc/kallsyms') ?? [])
    .filter((l) => /^\S+ [tTwW] /.test(l))
    .map((l) => l.replace(/^\S+ . /, ''));
}
