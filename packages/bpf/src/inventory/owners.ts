import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process that holds a file descriptor of a program, map or link. */
export interface Owner {
  readonly pid: number;
  /** Its command name. */
  readonly comm: string;
}

/** What is held, and by which id the kernel knows it. */
export type Held = 'program' | 'map' | 'link';

const lines: readonly [Held, RegExp][] = [
  ['program', /^prog_id:\s*(\d+)/m],
  ['map', /^map_id:\s*(\d+)/m],
  ['link', /^link_id:\s*(\d+)/m],
];

/** Who holds what: owners by `program 12`, `map 7` or `link 3`. Of processes of others only root sees anything. */
export function findOwners(): Map<`${Held} ${number}`, Owner[]> {
  const owners = new Map<`${Held} ${number}`, Owner[]>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const key of new Set(heldBy(pid))) {
      const comm = read(`/proc/${pid}/comm`)?.trimEnd() ?? '?';
      owners.set(key, [...(owners.get(key) ?? []), { pid: Number(pid), comm }]);
    }
  }
  return owners;
}

/** A link's file tells its program's id too, and a program that is only attached by it has no file of its own. */
function heldBy(pid: string): `${Held} ${number}`[] {
  const held: `${Held} ${number}`[] = [];
  for (const fd of attempt(() => readdirSync(`/proc/${pid}/fd`)) ?? []) {
    const target = attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`));
    if (!target?.startsWith('anon_inode:bpf')) continue;
    const info = read(`/proc/${pid}/fdinfo/${fd}`) ?? '';
    for (const [what, line] of lines) {
      const id = line.exec(info)?.[1];
      if (id) held.push(`${what} ${Number(id)}`);
    }
  }
  return held;
}

/** The memory that the kernel charges for what a descriptor of ours stands for, in bytes. */
export function chargedMemory(fd: number): number | undefined {
  const bytes = /^memlock:\s*(\d+)/m.exec(read(`/proc/self/fdinfo/${fd}`) ?? '')?.[1];
  return bytes === undefined ? undefined : Number(bytes);
}

function read(path: string): string | undefined {
  return attempt(() => readFileSync(path, 'utf8'));
}

/** Processes and descriptors come and go while we look, and those of others may be closed to us. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (e) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((e as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw e;
  }
}
