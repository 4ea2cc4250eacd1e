import { BpfError } from '../errors.ts';
import { kernelDenied } from '../kernel/denied.ts';
import { Errno, errnoName } from '../kernel/errno.ts';
import type { NativeError } from '../native.ts';
import type { MapShape } from './map.ts';

/** Turns the errno of an operation on a map into a sentence. */
export function mapError(name: string, type: string, verb: string, cause: NativeError): BpfError {
  const { errno } = cause;
  const details = { object: name, errno, log: cause.log, cause };
  if (errno === Errno.E2BIG) {
    return new BpfError('SKEP_MAP_OPERATION', `Map "${name}" is full: cannot ${verb} it`, {
      hint: 'Give it a larger max_entries, or delete entries. An array has no index beyond max_entries.',
      ...details,
    });
  }
  if (errno === Errno.EEXIST || errno === Errno.ENOENT) {
    const there = errno === Errno.EEXIST ? 'is there already' : 'is not there';
    return new BpfError('SKEP_MAP_OPERATION', `Cannot ${verb} map "${name}": the key ${there}`, {
      hint: 'The flags asked for it (MapUpdate.noExist, MapUpdate.exist); MapUpdate.any takes both.',
      ...details,
    });
  }
  if (errno === Errno.EINVAL || errno === Errno.EOPNOTSUPP || errno === Errno.ENOTSUPP) {
    return new BpfError(
      'SKEP_UNSUPPORTED',
      `A map of type ${type} does not allow to ${verb} it ("${name}")`,
      {
        hint: 'Arrays have no delete; only queues and stacks have push and pop; ring and perf buffers are read by a reader.',
        ...details,
      },
    );
  }
  if (errno === Errno.EPERM || errno === Errno.EACCES) {
    return new BpfError('SKEP_PERMISSION', `The kernel refuses to ${verb} map "${name}"`, {
      hint: 'It is read-only (.rodata after load, or BPF_F_RDONLY), or this process lacks CAP_BPF.',
      ...details,
    });
  }
  return new BpfError('SKEP_MAP_OPERATION', `Cannot ${verb} map "${name}" (${errnoName(errno)})`, {
    hint: 'The kernel gives no more than this error number; dmesg may say more.',
    ...details,
  });
}

/** Turns the errno of BPF_MAP_CREATE into a sentence. */
export function mapCreateError(shape: MapShape, cause: NativeError): BpfError {
  const { errno } = cause;
  const what = `${shape.type} map "${shape.name ?? 'skep'}"`;
  if (errno === Errno.EPERM) return kernelDenied(`make a ${what}`, cause);
  return new BpfError('SKEP_MAP_CREATE', `The kernel does not make a ${what} (${errnoName(errno)})`, {
    hint: mapCreateHint(errno, shape),
    object: shape.name,
    errno,
    log: cause.log,
    cause,
  });
}

/** What usually stands behind a refused map. */
export function mapCreateHint(
  errno: number,
  shape: Pick<MapShape, 'type' | 'keySize' | 'valueSize' | 'maxEntries'>,
): string {
  const { type, keySize, valueSize, maxEntries } = shape;
  if (errno === Errno.E2BIG || errno === Errno.ENOMEM) {
    return `It would hold ${maxEntries} entries of ${keySize} + ${valueSize} bytes; make it smaller.`;
  }
  if (maxEntries === 0) return 'It needs a max_entries above 0.';
  if (type === 'ringbuf')
    return 'A ring buffer is a power of two in size, a multiple of the page size; kernels from 5.8 on have it.';
  if (type.includes('array') && keySize !== 4) return 'The key of an array is 4 bytes (__u32).';
  if ((type === 'queue' || type === 'stack') && keySize !== 0) return 'A queue or stack has no key.';
  if (type === 'stack_trace')
    return 'Its key is 4 bytes, its value 8 bytes for each frame, at most sysctl kernel.perf_event_max_stack.';
  return `This kernel may lack map type ${type} or one of the map's flags; "skep doctor" shows which types it has.`;
}
