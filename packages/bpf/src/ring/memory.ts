import { BpfError } from '../errors.ts';
import { errnoName } from '../kernel/errno.ts';
import type { BpfMap } from '../maps/map.ts';
import { isNativeError } from '../native.ts';

/** Runs a call that maps a buffer and puts its failure into words. */
export function mapMemory<T>(map: BpfMap, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    if (!isNativeError(cause)) throw cause;
    const name = errnoName(cause.errno);
    throw new BpfError('SKEP_MAP_OPERATION', `Buffer "${map.name}" cannot be mapped into memory (${name})`, {
      hint:
        name === 'EPERM' || name === 'EACCES'
          ? 'Perf buffers count against kernel.perf_event_mlock_kb for processes without CAP_IPC_LOCK and need CAP_PERFMON.'
          : 'A smaller buffer may fit; file descriptors or address space may also have run out (ulimit -n, ulimit -v).',
      object: map.name,
      errno: cause.errno,
      cause,
    });
  }
}

export function wrongMap(map: BpfMap, want: string): BpfError {
  return new BpfError('SKEP_ARGUMENT', `Map "${map.name}" is of type ${map.type}, not ${want}`, {
    hint: 'openRingBuffer reads maps of type ringbuf, openPerfBuffer those of type perf_event_array.',
    object: map.name,
  });
}

export function readerClosed(map: BpfMap): BpfError {
  return new BpfError('SKEP_CLOSED', `The reader of "${map.name}" is closed`, {
    hint: 'Open the buffer again.',
    object: map.name,
  });
}

export function readerReentered(map: BpfMap): BpfError {
  return new BpfError('SKEP_STATE', `The reader of "${map.name}" is draining already`, {
    hint: 'Do not call drain() from the function that it calls.',
    object: map.name,
  });
}
