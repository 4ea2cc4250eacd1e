import type { Host } from '../host/host.ts';

/** What is kept of a process's mappings; most have fewer than a hundred files. */
const LONGEST = 1024 * 1024;
const MOST_FILES = 4096;

/** The files that a process has mapped, each once, as it sees their paths; deleted ones without the remark. */
export function mappedFiles(host: Host, pid: number): string[] {
  const files = new Set<string>();
  let last = '';
  for (const line of (host.procText(pid, 'maps', LONGEST) ?? '').split('\n')) {
    const at = line.indexOf('/');
    if (at < 0) continue;
    const path = line.slice(at);
    if (path === last) continue; // the parts of one file are neighbours
    last = path;
    files.add(path.endsWith(' (deleted)') ? path.slice(0, -10) : path);
    if (files.size === MOST_FILES) break;
  }
  return [...files];
}
