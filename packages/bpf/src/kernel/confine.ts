import { BpfError } from '../errors.ts';
import { isNativeError, native } from '../native.ts';
import { capabilityBit } from './capabilities.ts';
import { errnoName } from './errno.ts';

/** What reading needs of bpf(2): include/uapi/linux/bpf.h, enum bpf_cmd. */
const READING = {
  BPF_MAP_LOOKUP_ELEM: 1,
  BPF_MAP_GET_NEXT_KEY: 4,
  BPF_OBJ_GET_INFO_BY_FD: 15,
  BPF_MAP_LOOKUP_BATCH: 24,
  BPF_ITER_CREATE: 33,
} as const;

/**
 * Gives up for good, in every thread, what only loading and attaching needed. Afterwards this process and what it starts
 * can read the maps and iterators that it has open and detach its programs by closing them; the kernel refuses it every
 * other command of bpf(2) (so no program is loaded, no map made), perf_event_open, ptrace, writing to other processes,
 * and loading modules. Rings and perf buffers that are open go on.
 *
 * @param keep names of capabilities that stay, as far as the process has them: `CAP_SYSLOG`
 * @throws {BpfError} `SKEP_UNSUPPORTED` when the kernel cannot or a thread does not answer; parts may be given up then
 */
export function giveUpPrivileges(keep: Iterable<string> = []): void {
  let mask = 0n;
  for (const name of keep) mask |= 1n << BigInt(capabilityBit(name));
  try {
    native().confine(
      Uint8Array.from(Object.values(READING)),
      Number(mask & 0xffffffffn),
      Number(mask >> 32n),
    );
  } catch (cause) {
    if (!isNativeError(cause)) throw cause;
    throw new BpfError(
      'SKEP_UNSUPPORTED',
      `Privileges cannot be given up: ${cause.message} (${errnoName(cause.errno)})`,
      { hint: 'Linux with seccomp filters is needed (CONFIG_SECCOMP_FILTER).', errno: cause.errno, cause },
    );
  }
}
