import type { AttachOptions } from '@skep/bpf';
import { ProbeError } from '../errors.ts';
import { formText, TARGET_FORMS, type TargetForm, type TargetOption, WORDS } from './forms.ts';

/** What is asked about a program's hook; a `BpfProgram` and a `ProgramDescription` fit. */
export interface Targeted {
  readonly name: string;
  /** As {@link parseSection} says: `'kprobe'`, `'xdp'`, … */
  readonly type: string;
  readonly section: string;
  /** What the section names; may be empty. */
  readonly target: string;
}

/** Which targets fit, by kind. Kinds that are not here take any text that is not empty. */
const shapes: Readonly<Record<string, RegExp>> = {
  tracepoint: /^[^/:]+[/:][^/:]+$/,
  kprobe: /^[\w.$]+(\+(0x[0-9a-f]+|\d+))?$/i,
  kretprobe: /^[\w.$]+$/,
  uprobe: /^.+:[^:]+$/,
  uretprobe: /^.+:[^:]+$/,
  'uprobe.multi': /^.+:[^:]+$/,
  'uretprobe.multi': /^.+:[^:]+$/,
  'uprobe.session': /^.+:[^:]+$/,
  usdt: /^([^:]+:)?[^:]+:[^:]+$/,
  netfilter: /^ipv[46]:(prerouting|input|forward|output|postrouting)$/,
  perf_event: /^(\d+(hz)?)?$/i,
};
const word = /^[\w.$]+$/;
const pattern = /^[\w.$*?]+$/;
for (const kind of [
  ...['ksyscall', 'kretsyscall', 'raw_tp', 'tp_btf'],
  ...['fentry', 'fexit', 'fmod_ret', 'fsession', 'lsm'],
])
  Object.assign(shapes, { [kind]: word });
for (const kind of ['kprobe.multi', 'kretprobe.multi', 'kprobe.session'])
  Object.assign(shapes, { [kind]: pattern });

/**
 * Reads the text behind `PROG=` for a program of this kind.
 *
 * ```ts
 * parseTarget({ name: 'count', type: 'tc', section: 'tc', target: '' }, 'eth0,egress');
 * // { target: 'eth0', direction: 'egress' }
 * ```
 *
 * @throws {ProbeError} `SKEP_TARGET` with the form that is valid for this kind
 */
export function parseTarget(program: Targeted, text: string): AttachOptions {
  const form = formOf(program);
  const { target, options } = split(form, text.trim());
  const out: AttachOptions = {};
  for (const [name, value] of options) Object.assign(out, option(program, text, name, value));
  if (program.type === 'perf_event') return { ...out, ...rate(program, text, target) };
  const required = form.required || (target !== '' && shapes[program.type] !== undefined);
  // A usdt probe without a path is looked for in the files that the process has mapped.
  const short = program.type === 'usdt' && target.split(':').length === 2 && out.pid === undefined;
  if ((required && target === '') || short || !(shapes[program.type] ?? /^/).test(target))
    throw invalid(program, text);
  return target === '' ? out : { target, ...out };
}

/** The target that the section itself names, where it is one that a program of this kind can have. */
export function sectionTarget(program: Targeted): string | undefined {
  const { type, target } = program;
  const form = Object.hasOwn(TARGET_FORMS, type) ? TARGET_FORMS[type] : undefined;
  if (!form || target === '') return undefined;
  // SEC("tc/ingress"), SEC("cgroup/connect4"), SEC("xdp/name"): what follows is no interface and no cgroup.
  if (outside.has(type)) return undefined;
  return (shapes[type] ?? /./).test(target) ? target : undefined;
}

/** Kinds whose target no section can name. */
const outside: ReadonlySet<string> = new Set([
  'xdp',
  'tc',
  'netkit',
  'socket_filter',
  'netfilter',
  'cgroup',
  'cgroup_skb',
  'lsm_cgroup',
  'sock_ops',
]);

/** Iterators that go over one thing, which no section can name. */
const OVER_ONE: readonly (readonly [RegExp, target: string, note: string])[] = [
  [/\/cgroup$/, 'CGROUP', 'a cgroup2 directory, or its path below the mount'],
  [/\/(bpf_map_elem|bpf_sk_storage_map|sockmap)$/, 'MAP', 'the name of a map of the object'],
];

/** Whether the program needs a target that its section does not name. */
export function lacksTarget(program: Targeted): boolean {
  if (program.type === 'iter') return program.target === '' || overOne(program) !== undefined;
  const form = Object.hasOwn(TARGET_FORMS, program.type) ? TARGET_FORMS[program.type] : undefined;
  return form?.required === true && sectionTarget(program) === undefined;
}

function overOne({ type, section }: Targeted) {
  return type === 'iter' ? OVER_ONE.find(([pattern]) => pattern.test(section)) : undefined;
}

/** What stands behind `--attach PROG=` for a program that {@link lacksTarget}, placeholders in capitals. */
export function wantedTarget(program: Targeted): string {
  return overOne(program)?.[1] ?? TARGET_FORMS[program.type]!.target;
}

/** What to say of a program that {@link lacksTarget}. */
export function missingTargetError(program: Targeted): ProbeError {
  const { name, section, type } = program;
  if (type === 'iter' && program.target === '')
    return new ProbeError(
      'SKEP_TARGET',
      `Program "${name}" cannot be attached: its section "${section}" names no iterator`,
      {
        hint: 'SEC("iter/task") does, for one.',
      },
    );
  const one = overOne(program);
  const names = program.target && !outside.has(type) && !one ? `names no ${type} hook` : 'does not say where';
  return new ProbeError(
    'SKEP_TARGET',
    `Program "${name}" cannot be attached: its section "${section}" ${names}`,
    {
      hint: one
        ? `Say it with --attach ${name}=${one[1]} (${one[2]}).`
        : `Say it with --attach ${name}=${TARGET_FORMS[type]!.example} (${formText(type)}).`,
    },
  );
}

function formOf(program: Targeted): TargetForm {
  const { name, type, section } = program;
  if (Object.hasOwn(TARGET_FORMS, type)) return TARGET_FORMS[type]!;
  throw new ProbeError('SKEP_TARGET', `Program "${name}" in section "${section}" takes no target`, {
    hint: 'Programs of this kind are not attached by themselves: socket maps, routes, tail calls and struct_ops take them.',
  });
}

/** Takes the known options off the end: a path may hold commas. */
function split(form: TargetForm, text: string): { target: string; options: [TargetOption, string][] } {
  const options: [TargetOption, string][] = [];
  let rest = text;
  for (;;) {
    const comma = rest.lastIndexOf(',');
    const [name, ...value] = rest.slice(comma + 1).split('=');
    const known = form.options.find((o) => o === name);
    if (!known || WORDS.has(known) !== (value.length === 0)) return { target: rest, options };
    options.unshift([known, value.join('=')]);
    if (comma < 0) return { target: '', options };
    rest = rest.slice(0, comma);
  }
}

function option(program: Targeted, text: string, name: TargetOption, value: string): AttachOptions {
  switch (name) {
    case 'pid':
    case 'cpu':
      if (!/^\d{1,9}$/.test(value)) throw invalid(program, text, `${name}= wants a number`);
      return { [name]: Number(value) };
    case 'cookie':
      if (!/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(value))
        throw invalid(program, text, 'cookie= wants a number');
      return { cookie: BigInt.asUintN(64, BigInt(value)) };
    case 'netns':
    case 'event':
      if (value === '') throw invalid(program, text, `${name}= wants a name`);
      return { [name]: value };
    default:
      return { direction: name };
  }
}

function rate(program: Targeted, text: string, target: string): AttachOptions {
  const m = /^(\d+)(hz)?$/i.exec(target);
  if (target !== '' && (!m || Number(m[1]) < 1)) throw invalid(program, text);
  if (!m) return {};
  return m[2] ? { sampleFrequency: Number(m[1]) } : { samplePeriod: Number(m[1]) };
}

function invalid(program: Targeted, text: string, why?: string): ProbeError {
  const { name, type } = program;
  return new ProbeError(
    'SKEP_TARGET',
    `--attach ${name}=${text}: ${why ?? `that is no target of a ${type} program`}`,
    { hint: `Write ${formText(type)}.` },
  );
}
