/** Executable memory of a process that a file, the kernel or a runtime filled. */
export interface Mapping {
  readonly start: number;
  readonly end: number;
  /** Where in the file it begins. */
  readonly offset: number;
  /** `fd:01 393449`: which file, in the kernel's words; empty for memory that no file is behind. */
  readonly file: string;
  readonly inode: number;
  /** As the process sees it: `/usr/lib/libc.so.6`, `[vdso]`, `` for anonymous memory. */
  readonly path: string;
  /** The file's name was removed or taken by another file since. */
  readonly deleted: boolean;
}

const LINE = /^([0-9a-f]+)-([0-9a-f]+) ..x. ([0-9a-f]+) ([0-9a-f]+:[0-9a-f]+) (\d+) *(.*)$/;
const DELETED = ' (deleted)';

/** The executable mappings in the text of /proc/PID/maps, in order. Source: proc_pid_maps(5). */
export function parseMaps(text: string): Mapping[] {
  const out: Mapping[] = [];
  for (const line of text.split('\n')) {
    const parts = LINE.exec(line);
    if (!parts) continue;
    const [, start, end, offset, dev, inode, rest] = parts as unknown as string[];
    const deleted = rest!.endsWith(DELETED);
    const path = unescaped(deleted ? rest!.slice(0, -DELETED.length) : rest!);
    out.push({
      start: Number.parseInt(start!, 16),
      end: Number.parseInt(end!, 16),
      offset: Number.parseInt(offset!, 16),
      file: inode === '0' ? '' : `${dev} ${inode}`,
      inode: Number(inode),
      path,
      deleted,
    });
  }
  return out;
}

/** The kernel writes a newline in a name as `\012`. */
function unescaped(path: string): string {
  return path.replaceAll('\\012', '\n');
}

/** The mapping that holds the address. */
export function mappingAt(mappings: readonly Mapping[], address: number): Mapping | undefined {
  let low = 0;
  let high = mappings.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (mappings[middle]!.start <= address) low = middle + 1;
    else high = middle;
  }
  const found = mappings[low - 1];
  return found && address < found.end ? found : undefined;
}

/** A module's name for people: the file's name, or what the kernel calls it. */
export function moduleName({ path }: Mapping): string | undefined {
  if (path === '') return undefined;
  return path.startsWith('/') ? path.slice(path.lastIndexOf('/') + 1) : path;
}
