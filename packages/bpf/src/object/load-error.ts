import { BpfError } from '../errors.ts';
import { kernelDenied } from '../kernel/denied.ts';
import { DESCRIPTOR_HINT, Errno, errnoName, outOfDescriptors } from '../kernel/errno.ts';
import { mapCreateHint } from '../maps/map-error.ts';
import type { NativeError } from '../native.ts';
import { explainVerifierLog } from '../verifier/explain.ts';
import { type LoadFailure, readLoadLog } from './load-log.ts';
import type { BpfObject } from './object.ts';
import { sectionHint } from './section.ts';

/** What libbpf says of objects that only the loader of their author can read, or that are not whole. */
const unreadable: readonly {
  said: RegExp;
  sentence: (object: string, a: string, b: string) => string;
  hint: string;
}[] = [
  {
    said: /map '([^']+)': invalid pinning value (\d+)/,
    sentence: (object, map, value) =>
      `The map "${map}" of ${object} asks for pinning ${value}, which means something to the loader of its author alone`,
    hint: 'libbpf knows LIBBPF_PIN_NONE (0) and LIBBPF_PIN_BY_NAME (1).',
  },
  {
    said: /program '([^']+)' is static and not supported/,
    sentence: (object, program) => `The program "${program}" of ${object} is static, so nobody can load it`,
    hint: 'Take "static" away from the function that has the SEC("…").',
  },
  {
    said: /bad map relo against '([^']+)' in section '\.addr_space\.1'/,
    sentence: (object, name) =>
      `${object} keeps the variable ${name} in an arena, where libbpf puts variables only since version 1.4`,
    hint: 'Allocate it there with bpf_arena_alloc_pages(), and keep the pointer in an ordinary variable.',
  },
  {
    said: /failed to find BTF for extern '([^']+)'/,
    sentence: (object, name) =>
      `${object} is not whole: it uses ${name}, which it neither has nor declares as the kernel's`,
    hint: 'Link it with the object that has it (bpftool gen object), or declare it __ksym.',
  },
];

/** Turns libbpf's refusal to open an object into a sentence. */
export function openError(name: string, cause: NativeError): BpfError {
  const log = cause.log ?? '';
  const details = { object: name, errno: cause.errno, log, cause };
  if (/legacy map definitions/.test(log)) {
    return new BpfError(
      'SKEP_LOAD',
      `${name} defines its maps in the old way, SEC("maps") with struct bpf_map_def`,
      {
        hint: 'Define them in SEC(".maps"), with __uint(type, …), __type(key, …), __type(value, …).',
        ...details,
      },
    );
  }
  const known = unreadable.find(({ said }) => said.test(log));
  if (known) {
    const [, a, b] = known.said.exec(log)!;
    return new BpfError('SKEP_LOAD', known.sentence(name, a!, b!), { hint: known.hint, ...details });
  }
  const said = lastLine(log);
  return new BpfError(
    'SKEP_LOAD',
    `libbpf cannot read ${name}${said ? `: ${said}` : ` (${errnoName(cause.errno)})`}`,
    {
      hint: 'Compile it with clang -target bpf -g -O2, and link it into one object (bpftool gen object).',
      ...details,
    },
  );
}

/** Turns a failed load into which program or map, and what was wrong with it. */
export function loadError(object: BpfObject, cause: NativeError): BpfError {
  if (outOfDescriptors(cause.errno)) {
    return new BpfError('SKEP_LOAD', `${object.name} cannot be loaded: this process may open no more files`, {
      hint: DESCRIPTOR_HINT,
      ...details(object.name, cause),
    });
  }
  const seen = readLoadLog(cause.log ?? '');
  switch (seen.kind) {
    case 'relocation':
      return relocation(object, seen, cause);
    case 'extern-type':
      return new BpfError(
        'SKEP_RELOCATION',
        `${object.name} takes ${seen.what} for something of another type`,
        {
          hint: 'Declare it as this kernel has it; declared __weak, it would be refused as well.',
          ...details(object.name, cause),
        },
      );
    case 'map':
      return map(object, seen, cause);
    case 'slot':
      return new BpfError(
        'SKEP_LOAD',
        `Map "${seen.map}" of ${object.name} is to hold "${seen.value}", which is not loaded`,
        {
          hint: `What calls it by that map cannot do without: "${seen.value}" was refused or left out.`,
          ...details(object.name, cause),
        },
      );
    case 'program':
      return program(object, seen, cause);
    case 'btf-target':
      return new BpfError(
        'SKEP_UNSUPPORTED',
        `Program "${seen.name}" of ${object.name} hooks "${seen.target}", which this kernel does not have`,
        {
          hint: `It may have another name in this version, or belong to a module: bpftool btf dump file /sys/kernel/btf/vmlinux | grep ${seen.target}`,
          ...details(seen.name, cause),
        },
      );
    case 'section': {
      const section = object.programs.find((p) => p.name === seen.name)?.section ?? '';
      return new BpfError(
        'SKEP_UNSUPPORTED',
        `Program "${seen.name}" of ${object.name} is in a section that names no kind of program, SEC("${section}")`,
        { hint: sectionHint(section), ...details(seen.name, cause) },
      );
    }
    case 'kernel-btf':
      return new BpfError(
        'SKEP_UNSUPPORTED',
        `${object.name} needs the kernel's types, and this kernel does not tell them (/sys/kernel/btf/vmlinux cannot be read)`,
        {
          hint: 'They are there in kernels built with CONFIG_DEBUG_INFO_BTF, as distributions do since about 2020; in a container /sys must be mounted.',
          ...details(object.name, cause),
        },
      );
    case 'other': {
      if (cause.errno === Errno.EPERM) return kernelDenied(`load ${object.name}`, cause, object.name);
      const said = lastLine(cause.log ?? '');
      return new BpfError(
        'SKEP_LOAD',
        `${object.name} cannot be loaded${said ? `: ${said}` : ` (${errnoName(cause.errno)})`}`,
        {
          hint: 'The whole of what libbpf said is in the log (--verbose).',
          ...details(object.name, cause),
        },
      );
    }
  }
}

type Of<K extends LoadFailure['kind']> = Extract<LoadFailure, { kind: K }>;

function details(object: string, cause: NativeError) {
  return { object, errno: cause.errno, log: cause.log, cause };
}

function relocation(object: BpfObject, seen: Of<'relocation'>, cause: NativeError): BpfError {
  return new BpfError(
    'SKEP_RELOCATION',
    `${object.name} needs ${seen.what}, which this kernel does not have`,
    {
      hint:
        seen.hint ??
        'Guard it with bpf_core_field_exists() or bpf_core_type_exists(), or declare an extern __weak.',
      ...details(seen.name ?? object.name, cause),
    },
  );
}

function map(object: BpfObject, seen: Of<'map'>, cause: NativeError): BpfError {
  const what = `map "${seen.name}" of ${object.name}`;
  if (cause.errno === Errno.EPERM) return kernelDenied(`make ${what}`, cause, seen.name);
  const shape = object.maps.find((m) => m.name === seen.name);
  return new BpfError('SKEP_MAP_CREATE', `The kernel does not make ${what} (${errnoName(cause.errno)})`, {
    hint: shape
      ? mapCreateHint(cause.errno, shape)
      : 'The whole of what libbpf said is in the log (--verbose).',
    ...details(seen.name, cause),
  });
}

/** Tables of functions with a link (libbpf 1.2), or that are not made unless asked for (1.4). */
const NEWER_TABLE = /^(\?\.struct_ops|\.struct_ops\.link)/;

/** Kinds of program that need BPF trampolines. */
const trampolines = new Set(['fentry', 'fexit', 'fmod_ret', 'fsession', 'lsm', 'lsm_cgroup', 'freplace']);

function program(object: BpfObject, seen: Of<'program'>, cause: NativeError): BpfError {
  const kind = object.programs.find((p) => p.name === seen.name)?.type ?? 'unknown';
  const what = `program "${seen.name}" of ${object.name}`;
  const shared = { object: seen.name, errno: cause.errno, log: seen.log || cause.log, cause };
  const verifier = /processed \d+ insns/.test(seen.log);
  if (cause.errno === Errno.EPERM && !verifier && trampolines.has(kind)) {
    return new BpfError(
      'SKEP_UNSUPPORTED',
      `This kernel refuses ${what}: it has no BPF trampolines, which ${kind} programs need`,
      {
        hint: 'Use a tp_btf, raw_tp or tracepoint hook for the same job, or a kernel with CONFIG_FUNCTION_TRACER and CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS.',
        ...shared,
      },
    );
  }
  if (cause.errno === Errno.EPERM && !verifier) return kernelDenied(`load ${what}`, cause, seen.name);
  // A log with nothing but the verifier's closing line: it was refused before it was looked at.
  if (seen.log.replace(/^processed 0 insns.*$/m, '').trim() === '') {
    const table = kind === 'struct_ops' && object.elf.sections.find((s) => NEWER_TABLE.test(s.name));
    if (table)
      return new BpfError(
        'SKEP_UNSUPPORTED',
        `The ${what} stands for a function of a table in SEC("${table.name}"), which libbpf 1.1 does not read`,
        { hint: 'Put the table into SEC(".struct_ops").', ...shared },
      );
    return new BpfError(
      'SKEP_UNSUPPORTED',
      `This kernel does not take ${what}, a program of kind ${kind} (${errnoName(cause.errno)})`,
      {
        hint: '"skep doctor" shows which program types this kernel has.',
        ...shared,
      },
    );
  }
  const { line, source, hint } = explainVerifierLog(seen.log, {
    elf: object.elf,
    btf: object.btf,
    program: seen.name,
  });
  return new BpfError(
    'SKEP_VERIFIER',
    `The kernel's verifier refuses ${what}: ${line}${source ? ` (${source})` : ''}`,
    {
      hint: hint ?? 'The whole log is shown with --verbose.',
      ...shared,
    },
  );
}

function lastLine(log: string): string {
  const lines = log.trim().split('\n');
  // That it failed is no reason.
  const last = lines.findLast((line) => !/^libbpf: failed to load object /.test(line)) ?? lines.at(-1);
  return (last ?? '').replace(/^libbpf: /, '');
}
