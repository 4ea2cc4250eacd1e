import { BpfError } from '../errors.ts';
import { Errno, errnoName } from '../kernel/errno.ts';
import { mapTypeNumber, type ProgramType, programTypeNumber } from '../kernel/types.ts';
import { isNativeError, native } from '../native.ts';
import { doNothing } from './hooks.ts';
import { available, type FeatureResult, missing, unknown } from './result.ts';
import type { Since } from './tables.ts';

/** Something a kernel can that no type tells: since when, and how it is found out. */
export interface Ability {
  readonly since: Since;
  /** Succeeds where the kernel has it. What it opens is closed at once. */
  readonly attempt: () => number;
  /** The errno that says "yes, but not like this", where a true attempt would do something. */
  readonly yes?: number;
}

const SLEEPABLE = 1 << 4;
/** No machine has an interface of that number, so nothing can be attached to it. */
const NO_INTERFACE = 0x7fffffff;
// enum bpf_attach_type
const LSM_MAC = 27;
const PERF_EVENT = 41;
const TCX_INGRESS = 46;
const UPROBE_MULTI = 48;
const NETKIT_PRIMARY = 54;
const KPROBE_SESSION = 56;
const UPROBE_SESSION = 57;

export const abilities: Readonly<Record<string, Ability>> = {
  'batch operations': {
    since: '5.6',
    // A map is read in one call.
    attempt: () => {
      const map = native().mapCreate(mapTypeNumber('hash'), 'skep_probe', 4, 4, 1, 0);
      try {
        const four = () => new Uint8Array(4);
        native().mapUpdate(map, four(), four(), 0);
        native().mapBatch(map, null, four(), four(), 0, four(), 0, 1);
      } finally {
        native().fdClose(map);
      }
      return -1;
    },
  },
  'run time statistics': {
    since: '5.8',
    // Run time and count of each program, switched on by a file descriptor.
    attempt: () => native().statsEnable(),
  },
  'sleepable lsm programs': {
    since: ['5.10', '6.0'],
    // Lsm.s: programs that may read memory that is not there.
    attempt: () =>
      load('lsm', LSM_MAC, doNothing, native().kernelBtfId('bprm_committed_creds', LSM_MAC), SLEEPABLE),
  },
  'atomic operations': {
    since: ['5.12', '5.18'],
    // Fetch and add, exchange, compare and exchange.
    attempt: () =>
      load(
        'socket_filter',
        0,
        program(
          [0xb7, 0x01, 0, 1], // r1 = 1
          [0x7b, 0x1a, -8, 0], // *(u64 *)(r10 - 8) = r1
          [0xdb, 0x1a, -8, 1], // r1 = atomic_fetch_add((u64 *)(r10 - 8), r1)
          [0xb7, 0, 0, 0],
          [0x95, 0, 0, 0],
        ),
      ),
  },
  'perf links': {
    since: '5.15',
    // Kprobes, uprobes and tracepoints as links, with cookies.
    attempt: () => {
      // The software CPU clock, on this thread only.
      const event = native().perfOpen(1, 0, 1, true, false, 0, 0, -1);
      try {
        return withProgram('perf_event', 0, (fd) => native().linkCreate(fd, event, PERF_EVENT, 0));
      } finally {
        native().fdClose(event);
      }
    },
  },
  'sleepable uprobes': {
    since: '6.0',
    // Uprobe.s: programs that may read memory that is not there.
    attempt: () => load('kprobe', 0, doNothing, 0, SLEEPABLE),
  },
  tcx: {
    since: '6.6',
    // Links to an interface’s traffic.
    attempt: () => withProgram('sched_cls', 0, (fd) => native().linkCreate(fd, NO_INTERFACE, TCX_INGRESS, 0)),
    yes: Errno.ENODEV,
  },
  'uprobe.multi': {
    since: '6.6',
    // Many uprobes by one link.
    attempt: () => uprobes(UPROBE_MULTI),
    yes: Errno.EBADF,
  },
  netkit: {
    since: '6.7',
    // Links to a netkit device.
    attempt: () =>
      withProgram('sched_cls', 0, (fd) => native().linkCreate(fd, NO_INTERFACE, NETKIT_PRIMARY, 0)),
    yes: Errno.ENODEV,
  },
  tokens: {
    since: '6.9',
    // Rights handed to a user namespace.
    attempt: () => native().tokenCreate(-1),
    yes: Errno.EBADF,
  },
  'kprobe.session': {
    since: ['6.10', '6.14'],
    // One program for entry and return.
    attempt: () =>
      withProgram('kprobe', KPROBE_SESSION, (fd) =>
        native().kprobeMultiLink(fd, new TextEncoder().encode('bpf_fentry_test1\0'), KPROBE_SESSION, 0),
      ),
  },
  'uprobe.session': {
    since: '6.13',
    // One program for entry and return.
    attempt: () => uprobes(UPROBE_SESSION),
    yes: Errno.EBADF,
  },
};

/** Whether this kernel has an ability, found out by trying. */
export function probeAbility(name: string, since: string): FeatureResult {
  const ability = abilities[name];
  if (!ability)
    throw new BpfError('SKEP_ARGUMENT', `There is no ability "${name}"`, {
      hint: `There are: ${Object.keys(abilities).join(', ')}.`,
      object: name,
    });
  const { attempt, yes } = ability;
  try {
    const fd = attempt();
    if (fd >= 0) native().fdClose(fd);
    return available;
  } catch (e) {
    if (!isNativeError(e)) throw e;
    if (e.errno === yes) return available;
    if ((e.errno === Errno.EPERM || e.errno === Errno.EACCES) && !mayLoad())
      return unknown('this process may not load programs', 'Run it with sudo.');
    return missing(
      `the kernel refused it (${errnoName(e.errno)})`,
      `Linux ${since} and later have it, if configured.`,
      since,
    );
  }
}

function load(type: ProgramType, attachType: number, code: Uint8Array, btf = 0, flags = 0): number {
  return native().programLoad(programTypeNumber(type), attachType, code, 'GPL', btf, flags);
}

function mayLoad(): boolean {
  try {
    native().fdClose(load('socket_filter', 0, doNothing));
    return true;
  } catch (e) {
    if (isNativeError(e)) return false;
    throw e;
  }
}

function withProgram(type: ProgramType, attachType: number, attach: (fd: number) => number): number {
  const fd = load(type, attachType, doNothing);
  try {
    return attach(fd);
  } finally {
    native().fdClose(fd);
  }
}

/** At a path that is a folder: a kernel that knows such links says that it is no file. */
function uprobes(attachType: number): number {
  return withProgram('kprobe', attachType, (fd) =>
    native().uprobeMultiLink(fd, '/', new Uint8Array(8), attachType, 0, 0),
  );
}

/** Instructions as code, registers (source in the upper half), offset and immediate. */
function program(
  ...code: readonly (readonly [op: number, registers: number, offset: number, imm: number])[]
): Uint8Array {
  const bytes = new Uint8Array(code.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, [op, registers, offset, imm]] of code.entries()) {
    view.setUint8(i * 8, op);
    view.setUint8(i * 8 + 1, registers);
    view.setInt16(i * 8 + 2, offset, true);
    view.setInt32(i * 8 + 4, imm, true);
  }
  return bytes;
}
