import { constants } from 'node:os';

const names = new Map<number, string>(Object.entries(constants.errno).map(([name, n]) => [n, name]));
// The kernel's own, which libc does not know, and libbpf's (libbpf.h, enum libbpf_errno).
names.set(524, 'ENOTSUPP');
[
  'LIBELF',
  'FORMAT',
  'KVERSION',
  'ENDIAN',
  'INTERNAL',
  'RELOC',
  'LOAD',
  'VERIFY',
  'PROG2BIG',
  'KVER',
  'PROGTYPE',
  'WRNGPID',
  'INVSEQ',
  'NLPARSE',
].forEach((name, i) => {
  names.set(4000 + i, `LIBBPF_${name}`);
});

/** The name of a positive errno: 1 is `EPERM`; a number without a name is `errno 4321`. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}

/** The errnos this package decides by. */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  ENODEV: 19,
  EEXIST: 17,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOSPC: 28,
  ERANGE: 34,
  EOPNOTSUPP: 95,
  EALREADY: 114,
  ECANCELED: 125,
  ENOTSUPP: 524,
} as const;

/** Whether the process, or the whole machine, has as many files open as it may. */
export function outOfDescriptors(errno: number): boolean {
  return errno === Errno.EMFILE || errno === Errno.ENFILE;
}

/** The way out of {@link outOfDescriptors}: every map, program, hook and per-CPU buffer is one. */
export const DESCRIPTOR_HINT =
  'Each map, program, hook and per-CPU buffer takes a file descriptor: raise the limit (ulimit -n 1024, LimitNOFILE= in a systemd unit).';
