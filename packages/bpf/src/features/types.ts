import { BpfError } from '../errors.ts';
import { capabilities } from '../kernel/capabilities.ts';
import { Errno, errnoName } from '../kernel/errno.ts';
import { mapTypeNumber, mapTypes, programTypeNumber, programTypes } from '../kernel/types.ts';
import { isNativeError, native } from '../native.ts';
import { doNothing, probeHook } from './hooks.ts';
import { available, type FeatureResult, missing, unknown } from './result.ts';
import { mapSince, programSince } from './tables.ts';

const BPF_NETFILTER = 45;
const BPF_F_MMAPABLE = 1 << 10;

/** Types libbpf 1.1 has no probe for. */
const newerThanLibbpf: Readonly<Record<string, () => number>> = {
  netfilter: () => native().programLoad(programTypeNumber('netfilter'), BPF_NETFILTER, doNothing, 'GPL', 0),
  arena: () => native().mapCreate(mapTypeNumber('arena'), 'skep_probe', 0, 0, 1, BPF_F_MMAPABLE),
};

const tables = { program: programTypes as readonly string[], map: mapTypes as readonly string[] };

function probe(what: 'program' | 'map', name: string, since: string | undefined): FeatureResult {
  const number = tables[what].indexOf(name);
  if (number < 1) {
    throw new BpfError('SKEP_ARGUMENT', `"${name}" is not a ${what} type`, {
      hint: `There are: ${tables[what].slice(1).join(', ')}.`,
      object: name,
    });
  }
  const have = capabilities();
  if (!have.has('CAP_SYS_ADMIN') && !have.has('CAP_BPF')) {
    return unknown('this process lacks CAP_BPF', 'Run it with sudo.');
  }
  try {
    if (exists(what, name, number)) return available;
  } catch (cause) {
    if (!isNativeError(cause)) throw cause;
    return unknown(`the probe failed with ${errnoName(cause.errno)}`, 'Run it as root.');
  }
  return missing(
    `this kernel has no ${what} type ${name}`,
    since ? `Linux ${since} and later have it, if configured.` : 'Another kernel may have it.',
    since,
  );
}

function exists(what: 'program' | 'map', name: string, number: number): boolean {
  // libbpf asks for a function hook, which a kernel without trampolines refuses though it traces tracepoints.
  if (name === 'tracing' && probeHook('tp_btf').available) return true;
  const newer = newerThanLibbpf[name];
  if (newer) return opens(newer);
  return what === 'program' ? native().probeProgram(number) : native().probeMap(number);
}

function opens(open: () => number): boolean {
  try {
    native().fdClose(open());
    return true;
  } catch (e) {
    if (isNativeError(e) && e.errno !== Errno.EPERM) return false;
    throw e;
  }
}

/**
 * Whether this kernel loads programs of a type, found out by loading one that does nothing. Whether they can
 * be attached is another question: {@link probeHook}.
 * @param type the kernel's name: `'kprobe'`, `'tracing'`, `'sched_cls'`, …
 * @throws {BpfError} `SKEP_ARGUMENT` for an unknown type
 */
export function probeProgramType(type: string): FeatureResult {
  return probe('program', type, programSince[type]);
}

/**
 * Whether this kernel makes maps of a type, found out by making one.
 * @throws {BpfError} `SKEP_ARGUMENT` for an unknown type
 */
export function probeMapType(type: string): FeatureResult {
  return probe('map', type, mapSince[type]);
}
