import { BpfError } from '../errors.ts';
import { Errno } from '../kernel/errno.ts';
import { mapTypeName, programTypeName } from '../kernel/types.ts';
import { isNativeError, native } from '../native.ts';
import { chargedMemory, findOwners, type Owner } from './owners.ts';

/** A program that is loaded on this machine, whoever loaded it. */
export interface LoadedProgram {
  readonly id: number;
  readonly type: string;
  /** At most 15 bytes; empty for programs without a name. */
  readonly name: string;
  readonly owners: readonly Owner[];
  /** Accounted only while statistics are on ({@link enableStats}); 0 if they never were. */
  readonly runTimeNs: bigint;
  readonly runCount: bigint;
  /** Bytes charged for it; undefined where the kernel does not tell. */
  readonly memory: number | undefined;
  /** When it was loaded, in nanoseconds since boot. */
  readonly loadTimeNs: bigint;
  readonly mapIds: readonly number[];
  readonly linkIds: readonly number[];
}

/** A map that exists on this machine. */
export interface LoadedMap {
  readonly id: number;
  readonly type: string;
  readonly name: string;
  readonly owners: readonly Owner[];
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly memory: number | undefined;
  readonly programIds: readonly number[];
}

/** A program's attachment that is a link; older kinds of attachment have no id. */
export interface LoadedLink {
  readonly id: number;
  readonly type: string;
  readonly programId: number;
  readonly owners: readonly Owner[];
}

/** All BPF of this machine. */
export interface Inventory {
  readonly programs: readonly LoadedProgram[];
  readonly maps: readonly LoadedMap[];
  readonly links: readonly LoadedLink[];
}

const PROGRAMS = 0;
const MAPS = 1;
const LINKS = 2;

/** `enum bpf_link_type`; the index is the number. */
const linkTypes = [
  'unspec',
  'raw_tracepoint',
  'tracing',
  'cgroup',
  'iter',
  'netns',
  'xdp',
  'perf_event',
  'kprobe_multi',
  'struct_ops',
  'netfilter',
  'tcx',
  'uprobe_multi',
  'netkit',
  'sockmap',
];

/**
 * Every program, map and link on this machine, its owners, cost and memory, as of now: what comes or goes meanwhile may
 * be there or not. Takes some milliseconds and a descriptor at a time.
 * @throws {BpfError} `SKEP_PERMISSION` without CAP_SYS_ADMIN
 */
export function takeInventory(): Inventory {
  const owners = findOwners();
  const links = each(LINKS, (fd): LoadedLink => {
    const { id, type, programId } = native().linkInfo(fd);
    return { id, type: linkTypes[type] ?? `${type}`, programId, owners: owners.get(`link ${id}`) ?? [] };
  });
  const programs = each(PROGRAMS, (fd): LoadedProgram => {
    const { id, type, name, runTimeNs, runCount, loadTimeNs } = native().programInfo(fd);
    return {
      id,
      type: programTypeName(type),
      name,
      owners: owners.get(`program ${id}`) ?? [],
      runTimeNs,
      runCount,
      memory: chargedMemory(fd),
      loadTimeNs,
      mapIds: native().programMaps(fd),
      linkIds: links.filter((l) => l.programId === id).map((l) => l.id),
    };
  });
  const maps = each(MAPS, (fd): LoadedMap => {
    const { id, type, name, keySize, valueSize, maxEntries } = native().mapInfo(fd);
    return {
      id,
      type: mapTypeName(type),
      name,
      owners: owners.get(`map ${id}`) ?? [],
      keySize,
      valueSize,
      maxEntries,
      memory: chargedMemory(fd),
      programIds: programs.filter((p) => p.mapIds.includes(id)).map((p) => p.id),
    };
  });
  return { programs, maps, links };
}

/** Opens one after the other; what is gone before it is opened, or not yet made, is left out. */
function each<T>(what: number, describe: (fd: number) => T): T[] {
  const found: T[] = [];
  try {
    for (let id = native().nextId(what, 0); id !== 0; id = native().nextId(what, id)) {
      const fd = open(what, id);
      if (fd === undefined) continue;
      try {
        found.push(describe(fd));
      } finally {
        native().fdClose(fd);
      }
    }
  } catch (e) {
    if (!isNativeError(e) || e.errno !== Errno.EPERM) throw e;
    throw new BpfError('SKEP_PERMISSION', 'This process may not see what others have loaded', {
      hint: 'It needs CAP_SYS_ADMIN: run it with sudo.',
      errno: e.errno,
      cause: e,
    });
  }
  return found;
}

function open(what: number, id: number): number | undefined {
  try {
    return native().fdById(what, id);
  } catch (e) {
    // EAGAIN: a link that is only being made, see bpf_link_by_id() in the kernel.
    if (isNativeError(e) && (e.errno === Errno.ENOENT || e.errno === Errno.EAGAIN)) return undefined;
    throw e;
  }
}
