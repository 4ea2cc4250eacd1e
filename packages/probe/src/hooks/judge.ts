import { type Btf, type HookKind, type KernelFacts, systemCallWrapper, type Verdict } from '@skep/bpf';
import { readTags } from '../describe/tags.ts';
import { tooOld, unnamed } from './as-said.ts';
import { lacksAttachType } from './attach-type.ts';
import { iteratorSleeps, mayChangeOrSleep } from './may-sleep.ts';
import { neverTraced } from './never-traced.ts';
import { isVariadic, misfit, type Prototype, parseArguments, prototypeIn } from './prototype.ts';
import { securityHook } from './security-hooks.ts';
import { trafficControl } from './traffic-control.ts';
import type { HookProgram } from './types.ts';
import { usdtProbe, userFunction } from './user-file.ts';
import { refused, unknown } from './verdict.ts';

const RUNS: Verdict = { state: 'runs' };

/**
 * Whether a kernel has the hook of a program: the kind of hook is permitted, its function or event is there and can be
 * hooked, its arguments are those that the program expects, where it says which (`skep:args=`), and the kernel is not older
 * than the program says that it may be (`skep:since=`). Anything else about the program (helpers, types, maps) is not asked.
 *
 * @param btf of the object
 * @param known `loaded`: the kernel's verifier has taken it, and what it has to say of the hook is settled
 */
export function judgeHook(
  program: HookProgram,
  facts: KernelFacts,
  btf: Btf,
  known: { readonly loaded?: boolean } = {},
): Verdict {
  return tooOld(program, facts, btf) ?? judgeTarget(program, facts, btf, known.loaded === true);
}

function judgeTarget(program: HookProgram, facts: KernelFacts, btf: Btf, loaded: boolean): Verdict {
  const { type, target } = program;
  const nowhere = unnamed(program);
  if (nowhere) return permitted(type, facts) ?? nowhere;
  switch (type) {
    case 'fentry':
    case 'fexit':
    case 'fmod_ret':
      return permitted(type, facts) ?? tracedFunction(program, facts, btf, loaded);
    case 'fsession':
      return never(program, facts) ?? tracedFunction(program, facts, btf, loaded);
    case 'lsm':
      return permitted(type, facts) ?? lsmHook(program, facts);
    case 'iter':
      return (
        permitted(type, facts) ??
        iteratorSleeps(program, facts) ??
        known('func', `bpf_iter_${target}`, `iterator ${target}`, facts)
      );
    case 'tp_btf':
    case 'raw_tp':
      return permitted(type, facts) ?? rawTracepoint(program, facts, btf);
    case 'tracepoint':
      return permitted(type, facts) ?? tracepoint(program, facts);
    case 'kprobe':
    case 'kretprobe':
      return permitted(type, facts) ?? probedFunction(program, facts, btf);
    case 'ksyscall':
    case 'kretsyscall':
      return permitted(type, facts) ?? systemCall(program, facts, btf);
    case 'kprobe.multi':
    case 'kretprobe.multi':
    case 'kprobe.session':
      return never(program, facts) ?? matchedFunctions(program, facts);
    case 'uprobe':
    case 'uretprobe':
    case 'uprobe.multi':
    case 'uretprobe.multi':
    case 'uprobe.session':
      return never(program, facts) ?? userFunction(program, facts) ?? RUNS;
    case 'usdt':
      return never(program, facts) ?? usdtProbe(program, facts) ?? RUNS;
    case 'tc':
      return never(program, facts) ?? trafficControl(facts) ?? RUNS;
    default:
      return never(program, facts) ?? RUNS;
  }
}

/** What stands against a hook of this kind, whatever its target. */
function never({ type, section }: HookProgram, facts: KernelFacts): Verdict | undefined {
  return permitted(type, facts) ?? lacksAttachType(section, facts) ?? lacksFlag(section, facts);
}

/** Flags that came later than what they are for; distributions may have brought that to older versions. */
function lacksFlag(section: string, { btf, version: [major] }: KernelFacts): Verdict | undefined {
  if (/^\??u(ret)?probe(\.multi)?\.s(\/|$)|^\??usdt\.s(\/|$)/.test(section) && major > 0 && major < 6)
    return unknown(
      'whether programs on functions of processes may sleep is not known: that came with Linux 6.0',
    );
  const program = /^\??xdp\.frags/.test(section) ? btf?.find('bpf_prog_aux', 'struct') : undefined;
  return program?.kind === 'struct' && !program.members.some((m) => m.name === 'xdp_has_frags')
    ? refused(
        'this kernel hands over no packets in several parts',
        'They came with Linux 5.18; SEC("xdp") has none.',
      )
    : undefined;
}

/** Which kind of hook has to be there for a program of a type. */
const kindOf: Readonly<Record<string, HookKind>> = {
  fentry: 'fentry',
  fexit: 'fexit',
  fmod_ret: 'fentry',
  fsession: 'fentry',
  lsm: 'lsm',
  iter: 'iter',
  tp_btf: 'tp_btf',
  raw_tp: 'raw_tp',
  tracepoint: 'tracepoint',
  kprobe: 'kprobe',
  kretprobe: 'kprobe',
  ksyscall: 'kprobe',
  kretsyscall: 'kprobe',
  'kprobe.multi': 'kprobe.multi',
  'kretprobe.multi': 'kprobe.multi',
  'kprobe.session': 'kprobe.multi',
  uprobe: 'uprobe',
  uretprobe: 'uprobe',
  'uprobe.multi': 'uprobe',
  'uretprobe.multi': 'uprobe',
  'uprobe.session': 'uprobe',
  usdt: 'uprobe',
  lsm_cgroup: 'lsm',
  perf_event: 'perf_event',
};

const lacking: Readonly<Partial<Record<HookKind, readonly [reason: string, hint: string]>>> = {
  kprobe: ['this kernel has no kprobes', 'It needs CONFIG_KPROBES, and no lockdown that forbids them.'],
  'kprobe.multi': ['this kernel has no kprobe.multi', 'It needs Linux 5.18 and CONFIG_FPROBE.'],
  fentry: [
    'this kernel has no BPF trampolines',
    'They need CONFIG_FUNCTION_TRACER with direct calls (arm64: Linux 6.4).',
  ],
  fexit: [
    'this kernel has no BPF trampolines',
    'They need CONFIG_FUNCTION_TRACER with direct calls (arm64: Linux 6.4).',
  ],
  lsm: [
    'this kernel runs no LSM programs',
    'They need CONFIG_BPF_LSM, BPF trampolines, and "bpf" in the boot option lsm=.',
  ],
  tracepoint: ['this kernel has no tracepoints', 'They need CONFIG_BPF_EVENTS, and tracefs mounted.'],
  uprobe: ['this kernel has no uprobes', 'They need CONFIG_UPROBES.'],
};

function permitted(type: string, facts: KernelFacts): Verdict | undefined {
  const kind = Object.hasOwn(kindOf, type) ? kindOf[type]! : undefined;
  if (!kind || facts.hooks?.[kind] !== false) return undefined;
  const [reason, hint] = lacking[kind] ?? [
    `this kernel has no ${kind} hooks`,
    `"skep doctor" says what it has.`,
  ];
  return { state: 'refused', reason, hint };
}

/** Whether the kernel's own types (not those of its modules) have it. */
function has(facts: KernelFacts, name: string, kind: 'func' | 'typedef'): boolean | undefined {
  return facts.hasType?.(name, kind) ?? (facts.btf && facts.btf.find(name, kind) !== undefined);
}

function known(kind: 'func' | 'typedef', name: string, what: string, facts: KernelFacts): Verdict {
  const there = has(facts, name, kind);
  if (there) return RUNS;
  if (there === undefined) return unknown(`the types of ${facts.name} are not known`);
  return refused(`this kernel has no ${what}`, 'It may have come with a later version.');
}

function lsmHook(program: HookProgram, facts: KernelFacts): Verdict {
  const verdict = known('func', `bpf_lsm_${program.target}`, `LSM hook ${program.target}`, facts);
  return verdict.state === 'runs' ? (securityHook(program, facts.version) ?? verdict) : verdict;
}

function tracedFunction(program: HookProgram, facts: KernelFacts, btf: Btf, loaded: boolean): Verdict {
  const { target, type } = program;
  const there = has(facts, target, 'func');
  const look = facts.functions?.look(target, 'ftrace');
  if (look === 'absent') return absent(target, facts);
  if (there === undefined) return unknown(`the types of ${facts.name} are not known`);
  if (look === 'untraceable') return untraceable(target);
  const alias = there ? undefined : facts.functions?.alias?.(target);
  if (alias !== undefined)
    return refused(
      `this kernel's types do not have ${target}, which is another name of ${alias}`,
      has(facts, alias, 'func') ? `Hook ${alias}, or use a kprobe.` : 'A kprobe takes its place.',
    );
  if (!there) {
    return look === 'traceable'
      ? unknown(`${target} is not among the kernel's own types; those of a module may have it`)
      : unknown(`whether a module has the function ${target} is not known`);
  }
  const prototype = () => prototypeIn(facts, target, 'function');
  const wrong = argumentsMisfit(program, btf, prototype, type === 'fexit' || type === 'fsession');
  if (wrong) return refused(wrong, 'The function has changed between kernel versions.');
  if (facts.btf && isVariadic(facts.btf, target))
    return refused(
      `${target} takes any number of arguments, and trampolines carry what they know`,
      'A kprobe takes its place.',
    );
  const room = trampolineArguments(facts);
  const taken = prototype()?.parameters.length ?? 0;
  if (room !== undefined && taken > room)
    return refused(
      `${target} takes ${taken} arguments here, and this kernel's trampolines carry ${room}`,
      'A kprobe takes its place.',
    );
  const kept = loaded ? undefined : (neverTraced(program, facts) ?? mayChangeOrSleep(program, facts));
  if (kept) return kept;
  if (look === 'unknown') return unknown(`whether ${target} can be traced is not known`);
  return look === undefined ? RUNS : { state: 'runs', note: caveat(target, facts) };
}

/**
 * How many arguments a function that is traced may have: those in registers, until trampolines learnt to copy what lies
 * on the stack (arch/x86/net/bpf_jit_comp.c 6.6, arch/arm64/net/bpf_jit_comp.c 6.16), and then as many as
 * MAX_BPF_FUNC_ARGS says. A structure takes more room than is counted here.
 */
function trampolineArguments({ version: [major, minor], architecture }: KernelFacts): number | undefined {
  if (major === 0) return undefined;
  const [sixth, registers] = architecture === 'arm64' ? [16, 8] : [6, 6];
  return major > 6 || (major === 6 && minor >= sixth) ? 12 : registers;
}

function probedFunction(program: HookProgram, facts: KernelFacts, btf: Btf): Verdict {
  const name = program.target.replace(/\+.*$/, '');
  const look = facts.functions?.look(name);
  if (look === 'absent') return asWrapper(program, facts, btf) ?? absent(name, facts);
  if (look === 'untraceable') {
    // The kernel keeps kprobes from what ftrace does not list, unless it was built to allow them.
    const allowed = facts.config && facts.config.get('CONFIG_KPROBE_EVENTS_ON_NOTRACE') === 'y';
    if (allowed !== false)
      return unknown(`ftrace does not list ${name}; whether kprobes may be on it is not known`);
    return untraceable(name);
  }
  if (look === undefined && has(facts, name, 'func') === false)
    return unknown(`${name} is not among the kernel's own types`);
  const wrong =
    program.type === 'kprobe' &&
    argumentsMisfit(program, btf, () => prototypeIn(facts, name, 'function'), false);
  if (wrong) return refused(wrong, 'The function has changed between kernel versions.');
  if (look === 'unknown') return unknown(`whether ${name} can be probed is not known`);
  if (!/\+(0x)?0+$/i.test(program.target) && program.target !== name)
    return unknown(`whether an instruction begins at ${program.target} is not known`);
  const count = facts.functions?.symbol(name)?.count ?? 1;
  if (count > 1) return unknown(`${count} functions are called ${name}: newer kernels refuse such a name`);
  return look === undefined ? RUNS : { state: 'runs', note: caveat(name, facts) };
}

/** A system call by its name of before Linux 4.17, `sys_execve`: it is hooked where it is now. */
function asWrapper(program: HookProgram, facts: KernelFacts, btf: Btf): Verdict | undefined {
  const { target } = program;
  const wrapper = systemCallWrapper(target, facts.architecture);
  if (wrapper === undefined || facts.functions?.look(wrapper) === 'absent') return undefined;
  const verdict = probedFunction({ ...program, target: wrapper }, facts, btf);
  if (verdict.state !== 'runs') return verdict;
  const moved = `${target} is ${wrapper} here, which takes no argument but the registers: SEC("ksyscall/${target.slice('sys_'.length)}") with BPF_KSYSCALL reads them`;
  return { state: 'runs', note: verdict.note === undefined ? moved : `${moved}; ${verdict.note}` };
}

/** The wrapper of a system call: libbpf goes by the processor's name. */
function systemCall(program: HookProgram, facts: KernelFacts, btf: Btf): Verdict {
  const { target } = program;
  if (target === '') return RUNS;
  const wrapper = `__${facts.architecture === 'arm64' ? 'arm64' : 'x64'}_sys_${target}`;
  if (facts.functions?.look(wrapper) === 'absent')
    return refused(`this kernel has no system call ${target}`, 'It may have come with a later version.');
  const type = program.type === 'ksyscall' ? 'kprobe' : 'kretprobe';
  return probedFunction({ ...program, type, target: wrapper }, facts, btf);
}

/** Functions by pattern or name; the kernel looks them up in ftrace's list, so the blacklist of kprobes says nothing. */
function matchedFunctions({ target }: HookProgram, facts: KernelFacts): Verdict {
  if (target === '') return RUNS;
  if (!/[*?]/.test(target)) {
    const look = facts.functions?.look(target, 'ftrace');
    if (look === 'absent') return absent(target, facts);
    if (look === 'untraceable') return untraceable(target);
    if (look === 'unknown') return unknown(`whether ${target} can be traced is not known`);
    return RUNS;
  }
  const any = facts.functions?.anyTraceable?.(target);
  if (any) return RUNS;
  return any === false
    ? refused(
        `no function of this kernel that can be traced is called ${target}`,
        'Functions of modules do not count, and those that the compiler inlined are gone.',
      )
    : unknown(`whether functions called ${target} can be traced is not known`);
}

/** What a hook on a function may miss, although it attaches. */
function caveat(name: string, facts: KernelFacts): string | undefined {
  const notes: string[] = [];
  const symbol = facts.functions?.symbol(name);
  const variants = facts.functions?.variants(name).filter((v) => !v.endsWith('.cold')) ?? [];
  if (symbol && symbol.count > 1)
    notes.push(`${symbol.count} functions are called ${name}, one of them is hooked`);
  if (symbol?.static)
    notes.push(`${name} is static: calls within its file may be inlined, and are not seen then`);
  if (variants.length > 0) notes.push(`calls of ${variants.join(', ')} are not seen`);
  return notes.length > 0 ? notes.join('; ') : undefined;
}

function rawTracepoint(program: HookProgram, facts: KernelFacts, btf: Btf): Verdict {
  const { type, target } = program;
  const there = has(facts, `btf_trace_${target}`, 'typedef');
  if (!there) {
    const event = facts.tracepoints?.hasName(target);
    if (event === false && (there === false || type === 'raw_tp'))
      return there === false
        ? refused(
            `this kernel has no tracepoint ${target}`,
            'It may belong to a module, or to another kernel version.',
          )
        : unknown(`whether there is a tracepoint ${target} is not known`);
    if (event && type === 'raw_tp') return RUNS;
    return unknown(`whether a module has the tracepoint ${target} is not known`);
  }
  const wrong = argumentsMisfit(program, btf, () => prototypeIn(facts, target, 'tracepoint'), false);
  return wrong ? refused(wrong, 'The tracepoint has changed between kernel versions.') : RUNS;
}

function tracepoint({ target }: HookProgram, facts: KernelFacts): Verdict {
  const m = /^([^/:]+)[/:]([^/:]+)$/.exec(target);
  if (!m) return unknown('the section names no tracepoint');
  // They have formats in tracefs, and no tracepoint behind them (perf_event_set_bpf_prog()).
  if (m[1] === 'ftrace')
    return refused(
      `ftrace/${m[2]} is what tracers write, and takes no programs`,
      'Hook an event of another category.',
    );
  const there = facts.tracepoints?.has(m[1]!, m[2]!);
  if (there === undefined) return unknown(`the tracepoints of ${facts.name} are not known`);
  return there
    ? RUNS
    : refused(
        `this kernel has no tracepoint ${m[1]}/${m[2]}`,
        'It may belong to a module, or to another kernel version.',
      );
}

/** Why the arguments that a program names do not fit, if it names them and the kernel's are known. */
function argumentsMisfit(
  program: HookProgram,
  btf: Btf,
  prototype: () => Prototype | undefined,
  withReturn: boolean,
): string | undefined {
  const func = btf.find(program.name, 'func');
  const { args } = readTags(func ? btf.declTags(func.id) : []);
  if (args === undefined) return undefined;
  const found = prototype();
  if (!found) return undefined;
  const { parameters, returns } = found;
  const wanted = parseArguments(args);
  // fexit: all arguments, then what the function returned.
  const whole = withReturn && wanted.length === parameters.length + 1;
  return misfit(wanted, whole ? [...parameters, returns] : parameters, program.target);
}

function absent(name: string, facts: KernelFacts): Verdict {
  const variants = facts.functions?.variants(name) ?? [];
  return refused(
    variants.length > 0
      ? `this kernel has ${name} only as ${variants.slice(0, 3).join(', ')}`
      : `this kernel has no function ${name}`,
    variants.length > 0
      ? 'The compiler changed its arguments or inlined a part of it, so it cannot be hooked under its name.'
      : 'It was renamed or inlined in this version, or belongs to a module that is not loaded.',
  );
}

function untraceable(name: string): Verdict {
  return refused(
    `${name} is there but must not be traced`,
    'It is marked notrace or is on the kprobe blacklist: hook a caller of it.',
  );
}
