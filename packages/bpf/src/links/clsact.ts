import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { BpfError } from '../errors.ts';
import { native } from '../native.ts';
import { inNetns, netnsPath } from './netns.ts';
import type { Bare } from './plan.ts';

/** A priority of our own among the filters of an interface: `tc filter show` has it as `pref`. */
const PRIORITY = 0x5e9;

/** Where the filters of living processes are noted, a file each: unlike a link, a filter outlives its owner. */
const NOTES = '/run/skep/tc';

/** What a note says. */
interface Note {
  index: number;
  egress: boolean;
  handle: number;
  /** The program's id: a filter that another program has taken over is not ours. */
  program: number;
  /** We made the qdisc. */
  qdisc: boolean;
  netns?: string;
  /** Inode of the network namespace. */
  inode: number;
}

let made = 0;

/**
 * Attaches a tc program where the kernel has no tcx (before 6.6): a cls_bpf filter in a clsact qdisc. Runs in the
 * interface's network namespace. The filter's handle is the owner's pid and a count, and a note under /run/skep
 * says whose it is, so that {@link sweepClsact} can remove it when its owner was killed.
 */
export function attachClsact(
  programFd: number,
  index: number,
  egress: boolean,
  netns: string | undefined,
  program: string,
): Bare {
  sweepClsact();
  // 22 bits of pid (PID_MAX_LIMIT), 10 of count: unique on an interface as long as the owner lives.
  const handle = ((process.pid << 10) | (made++ & 0x3ff)) >>> 0;
  const { id } = native().programInfo(programFd);
  const inode = statSync('/proc/thread-self/ns/net').ino;
  const note: Note = { index, egress, handle, program: id, qdisc: false, netns, inode };
  const file = `${NOTES}/${process.pid}-${startOf(process.pid)}-${handle}.json`;
  const write = () => writeFileSync(file, JSON.stringify(note), { mode: 0o600 });
  try {
    mkdirSync(NOTES, { recursive: true, mode: 0o700 });
    // Before the filter: a kill in between leaves a note without a filter, which does no harm.
    write();
  } catch (cause) {
    throw new BpfError('SKEP_ATTACH', `Program "${program}" cannot be attached: ${file} cannot be written`, {
      hint: 'Before Linux 6.6 a tc program outlives its owner; the file is how the next skep finds what a killed one left.',
      object: program,
      cause,
    });
  }
  try {
    note.qdisc = native().tcAttach(index, egress, programFd, handle, PRIORITY);
    write();
  } catch (cause) {
    rmSync(file, { force: true });
    throw cause;
  }
  return {
    undo: () => {
      // Another of ours that ended first may have handed the qdisc on.
      const { qdisc } = readNote(file) ?? note;
      inNetns(netns, program, () => native().tcDetach(index, egress, handle, PRIORITY, id, qdisc));
      rmSync(file, { force: true });
      if (qdisc) handOn(note);
    },
  };
}

/** The qdisc is still there for another filter of ours: who has that takes the qdisc away in the end. */
function handOn({ inode, index }: Note): void {
  for (const name of notes()) {
    const file = `${NOTES}/${name}`;
    const other = readNote(file);
    if (other?.inode !== inode || other.index !== index) continue;
    writeFileSync(file, JSON.stringify({ ...other, qdisc: true }), { mode: 0o600 });
    return;
  }
}

/**
 * Removes the tc filters that killed processes left behind: those whose note names a process that is gone, that are
 * still that process's program, and whose network namespace can be reached. Returns how many it removed.
 */
export function sweepClsact(): number {
  let removed = 0;
  for (const name of notes()) {
    const [pid, start] = name.split('-').map(Number) as [number, number];
    if (startOf(pid) === start) continue;
    const file = `${NOTES}/${name}`;
    const note = readNote(file);
    if (note && sweepOne(note)) removed++;
    // Where the namespace is gone, so are its interfaces with all that hung on them.
    if (note && !reachable(note)) continue;
    rmSync(file, { force: true });
    if (note?.qdisc) handOn(note);
  }
  return removed;
}

function sweepOne({ index, egress, handle, program, qdisc, netns, inode }: Note): boolean {
  const detach = () => native().tcDetach(index, egress, handle, PRIORITY, program, qdisc);
  if (inodeOf('/proc/thread-self/ns/net') === inode) return detach();
  if (netns === undefined || inodeOf(netnsPath(netns)) !== inode) return false;
  return inNetns(netns, 'sweep', detach);
}

/** Whether the note is done with: its namespace is ours, or has a path that still leads to it or to nothing. */
function reachable({ netns, inode }: Note): boolean {
  return netns !== undefined || inodeOf('/proc/thread-self/ns/net') === inode;
}

function notes(): string[] {
  try {
    return readdirSync(NOTES).filter((n) => /^\d+-\d+-\d+\.json$/.test(n));
  } catch (error) {
    if (['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

function readNote(file: string): Note | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Note;
  } catch (error) {
    // Cut short by the kill, before anything was attached; or swept by another skep just now.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** When a process began, in ticks since boot (proc(5), stat field 22): with the pid it names one process for ever. */
function startOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19]);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
