import { findUserFile, usdtProbes } from '../elf/user-functions.ts';
import { Errno, errnoName } from '../kernel/errno.ts';
import { isThere } from '../kernel/there.ts';
import type { NativeError } from '../native.ts';
import type { Reason } from './attach-error.ts';
import { type Hook, parseUsdt, parseUserFunction } from './target.ts';

/** Why a program was not attached to a function of a process. */
export function uprobe(hook: Hook, cause: NativeError): Reason | undefined {
  const { path, name, offset } = parseUserFunction(hook);
  const reason = ofFile(path, cause) ?? ofProcess(hook);
  if (reason) return reason;
  if (cause.errno === Errno.ENOENT || cause.errno === Errno.ESRCH) {
    if (name === '') return undefined;
    return {
      code: 'SKEP_ATTACH',
      why: `no function "${name}" was found in ${path}`,
      hint: `nm -D ${path} lists its exported functions; a stripped program has no others. (A process given by pid may also have ended.)`,
    };
  }
  if (!isThere('/sys/bus/event_source/devices/uprobe')) {
    return {
      code: 'SKEP_UNSUPPORTED',
      why: 'this kernel was built without uprobes (CONFIG_UPROBES)',
      hint: 'Use a kernel with uprobes, as all distributions ship.',
    };
  }
  if (cause.errno !== Errno.EINVAL || offset === 0) return undefined;
  return {
    code: 'SKEP_ATTACH',
    why: `no instruction that can be probed begins there in ${path}`,
    hint: 'An offset is that of its first byte, from the start of the function or, without one, of the file: objdump -d shows them.',
  };
}

/** The same for a USDT probe. */
export function usdt(hook: Hook, cause: NativeError): Reason | undefined {
  const log = cause.log ?? '';
  const [path, provider, name] = parseUsdt(hook);
  const reason = (path === undefined ? undefined : ofFile(path, cause)) ?? ofProcess(hook);
  if (reason) return reason;
  // libbpf says so at the first attempt only; it looks for these maps by name.
  if (/failed to find USDT support BPF maps/.test(log) || (cause.errno === Errno.ESRCH && log === '')) {
    return {
      code: 'SKEP_ATTACH',
      why: 'it was compiled without the support that USDT probes need',
      hint: 'Put #include <bpf/usdt.bpf.h> into its source.',
    };
  }
  if (cause.errno !== Errno.ENOENT) return undefined;
  const damaged = path !== undefined && usdtProbes(findUserFile(path)).damaged;
  return {
    code: 'SKEP_ATTACH',
    why: `there is no probe ${provider}:${name} in ${path}${damaged ? ' before the place where its notes of those are damaged' : ''}`,
    hint: damaged ? 'Build or install it anew.' : `readelf -n ${path} lists the probes it has.`,
  };
}

function ofFile(path: string, cause: NativeError): Reason | undefined {
  if (!isThere(findUserFile(path))) {
    return {
      code: 'SKEP_ATTACH',
      why: path.includes('/')
        ? `there is no file ${path}`
        : `no program or library is called ${path} where those are looked for`,
      hint: path.includes('/')
        ? 'The path is looked up in this mount namespace: for a container, /proc/PID/root/… reaches it.'
        : `A path has a slash: ./${path} is the one in the current folder.`,
    };
  }
  // Libbpf's own for what begins like no program, the kernel's for a folder.
  if (!['LIBBPF_FORMAT', 'EBADF'].includes(errnoName(cause.errno))) return undefined;
  return {
    code: 'SKEP_ATTACH',
    why: `${path} is no program or library`,
    hint: 'An ELF file is wanted, such as /bin/bash or libc.so.6.',
  };
}

function ofProcess({ pid }: Hook): Reason | undefined {
  if (pid === undefined || isThere(`/proc/${pid}`)) return undefined;
  return {
    code: 'SKEP_ATTACH',
    why: `there is no process ${pid}`,
    hint: 'It may have ended; check the pid.',
  };
}
