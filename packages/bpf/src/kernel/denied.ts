import { BpfError } from '../errors.ts';
import type { NativeError } from '../native.ts';
import { capabilities } from './capabilities.ts';

/**
 * The sentence for an EPERM that privileges explain: which are missing. `what` completes "… may not".
 */
export function kernelDenied(what: string, cause: NativeError, object?: string): BpfError {
  const have = capabilities();
  const missing = have.has('CAP_SYS_ADMIN') ? [] : ['CAP_BPF', 'CAP_PERFMON'].filter((c) => !have.has(c));
  const details = { object, errno: cause.errno, log: cause.log, cause };
  if (missing.length > 0) {
    return new BpfError(
      'SKEP_PERMISSION',
      `This process may not ${what}: it lacks ${missing.join(' and ')}`,
      {
        hint: 'Run it with sudo, or give it these capabilities (a container: --cap-add, CAP_NET_ADMIN too for network programs).',
        ...details,
      },
    );
  }
  return new BpfError(
    'SKEP_PERMISSION',
    `The kernel does not let this process ${what}, though it has the capabilities`,
    {
      hint: 'Lockdown, a security module, a container’s seccomp profile or a memlock limit (ulimit -l) may forbid it: "skep doctor" shows what applies here.',
      ...details,
    },
  );
}
