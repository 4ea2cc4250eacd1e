import {
  type Btf,
  type Elf,
  type KernelFacts,
  type Place,
  type Reached,
  reach,
  sectionHint,
  type Verdict,
} from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import { chooseRung } from '../hooks/choose.ts';
import { hookGroups } from '../hooks/groups.ts';
import { judgeHook } from '../hooks/judge.ts';
import type { ParamSetting } from '../params/setting.ts';
import { askedFor } from './asked-for.ts';
import { codeOf } from './code.ts';
import { constantSections } from './constants.ts';
import { argumentHazards } from './context.ts';
import { accessHazards } from './context-access.ts';
import { externMisfit, externsOf, presence } from './externs.ts';
import { globalFunctionVerdict, walkedAnyway } from './global-functions.ts';
import { type Hazard, relocate } from './hazards.ts';
import { helperHazards } from './helper-calls.ts';
import { hasPlainContext, kernelType, listed } from './kernel-type.ts';
import { kfuncHazards } from './kfunc-calls.ts';
import { licenseVerdict } from './license.ts';
import { lockedMapVerdict } from './locked-maps.ts';
import { mapVerdicts } from './maps.ts';
import { readObject } from './read-object.ts';
import { returnVerdict } from './returns.ts';
import { lacksUsdtSupport, nothingToAttach } from './run-refuses.ts';
import { sleepableMapVerdict } from './sleepable-maps.ts';
import { tableVerdict } from './struct-ops.ts';
import { tailCallVerdicts } from './tail-calls.ts';
import type { CheckedObject, CheckedProgram } from './types.ts';

/** How an object is checked. */
export interface CheckOptions {
  /** Values of parameters as `--set` has them; a parameter may take a part of a program out. */
  params?: Readonly<Record<string, ParamSetting>>;
  /** Whether twins without tags are groups; as in `run`. */
  twins?: boolean;
  /**
   * Other targets than the sections name, by program, in the kind's own spelling (`vfs_read`, `sched/sched_switch`). A
   * program of `SEC("?…")` counts when it has one.
   */
  targets?: Readonly<Record<string, string>>;
  /** What is known better, by program: what a load has told. */
  found?: ReadonlyMap<string, Verdict>;
  /** Programs that this kernel has loaded: only what becomes of them at their hook is still asked. */
  loaded?: ReadonlySet<string>;
}

/**
 * Says what becomes of an object on a kernel, without loading anything: which programs run, which are refused and why,
 * which nobody can tell, and which rung each group would take.
 *
 * `refused` is certain. `runs` means that nothing is known to be in the way; the verifier may still object.
 *
 * ```ts
 * checkObject(bytes, 'oomkill.o', runningKernel()).verdict;    // { state: 'runs' }
 * ```
 *
 * @throws {BpfError} `SKEP_ELF_…`, `SKEP_BTF_…`; {@throws ProbeError} `SKEP_OBJECT_INVALID`, `SKEP_PARAM_…`
 */
export function checkObject(
  bytes: Uint8Array,
  name: string,
  facts: KernelFacts,
  options: CheckOptions = {},
): CheckedObject {
  const { elf, btf, described, params, unreadable, untyped } = readObject(bytes, name);
  const programs = described.map((p) => {
    const target = options.targets?.[p.name];
    return target === undefined ? p : { ...p, target, autoload: true };
  });
  const constants = constantSections(elf, btf, params, options.params ?? {});
  const verdicts = unreadable
    ? new Map(programs.map((p) => [p.name, unreadable]))
    : judgePrograms(elf, btf, programs, facts, constants, untyped, options.loaded ?? new Set());
  for (const [program, verdict] of options.found ?? []) verdicts.set(program, verdict);
  for (const program of programs) {
    const verdict = verdicts.get(program.name)!;
    const asked =
      verdict.state === 'runs' && program.autoload
        ? askedFor(elf, btf, program, described, options.targets?.[program.name] !== undefined)
        : [];
    if (asked.length > 0) verdicts.set(program.name, { state: 'runs', note: notesOf(verdict, ...asked) });
  }
  const groups = hookGroups({ elf, btf, programs }, { twins: options.twins });
  const choices = groups.map((group) => chooseRung(group, (p) => verdicts.get(p)!, { all: true }));
  const membership = new Map(
    groups.flatMap((g) =>
      g.rungs.flatMap((r) => r.programs.map((p) => [p, { group: g.name, rung: r.name }] as const)),
    ),
  );
  const together = programs.filter((p) => p.autoload && !membership.has(p.name));
  for (const [program, verdict] of tailCallVerdicts(elf, btf, together, programs))
    verdicts.set(program, verdict);
  const checked = programs.map(
    (p): CheckedProgram => ({
      name: p.name,
      section: p.section,
      autoload: p.autoload,
      ...membership.get(p.name),
      verdict: verdicts.get(p.name)!,
    }),
  );
  const alone = checked.filter((p) => p.group === undefined && p.autoload).map((p) => p.verdict);
  const required = choices
    .filter((c) => !c.group.optional)
    .map((c): Verdict => {
      if (c.taken) return c.judged.find((j) => j.rung === c.taken)!.verdict;
      const reasons = c.judged.map(
        (j) => `${j.rung.name}: ${j.verdict.state === 'runs' ? '' : j.verdict.reason}`,
      );
      return { state: 'refused', reason: `no way for ${c.group.name}: ${reasons.join('; ')}` };
    });
  const takes = (p: ProgramDescription) =>
    p.autoload && (membership.has(p.name) ? taken.has(p.name) : verdicts.get(p.name)!.state !== 'refused');
  const taken = new Set(choices.flatMap((c) => c.taken?.programs ?? []));
  const idle = nothingToAttach(elf, programs.filter(takes), programs);
  return { name, programs: checked, groups: choices, verdict: worst([...alone, ...required]), idle };
}

function notesOf(verdict: Verdict, ...more: readonly string[]): string {
  return [...(verdict.state === 'runs' && verdict.note ? [verdict.note] : []), ...more].join('; ');
}

/** Refused if one is, else unknown if one is. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return (
    verdicts.find((v) => v.state === 'refused') ??
    verdicts.find((v) => v.state === 'unknown') ?? { state: 'runs' }
  );
}

function judgePrograms(
  elf: Elf,
  btf: Btf,
  programs: readonly ProgramDescription[],
  facts: KernelFacts,
  constants: ReadonlyMap<string, Uint8Array>,
  untyped: ReadonlySet<string>,
  loaded: ReadonlySet<string>,
): Map<string, Verdict> {
  const externs = externsOf(elf, btf);
  const relocated = relocate(elf, btf, facts, externs);
  const whole: Verdict[] = [...mapVerdicts(elf, btf, programs, facts)];
  for (const extern of externs.values()) {
    const misfit = externMisfit(extern, btf, facts);
    if (misfit !== undefined) whole.push({ state: 'refused', reason: misfit });
    const there = presence(extern, facts);
    if (extern.weak || there === true) continue;
    const what = extern.kind === 'kconfig' ? `the option ${extern.name}` : `"${extern.name}"`;
    whole.push(
      there === false
        ? { state: 'refused', reason: `the kernel has not ${what}, and the object insists on it` }
        : { state: 'unknown', reason: `whether the kernel has ${what} is not known` },
    );
  }
  const option = [...externs.values()].find((e) => e.kind === 'kconfig' && e.name.startsWith('CONFIG_'));
  if (option && facts.configFile === false)
    whole.push({
      state: 'refused',
      reason: `the object asks for ${option.name}, and the kernel's configuration is nowhere to be read`,
      hint: 'libbpf looks for /boot/config-… of this kernel and for /proc/config.gz.',
    });
  for (const f of relocated.faults)
    if (f.section === '.text') whole.push({ state: 'refused', reason: f.reason, hint: f.hint });
  const code = codeOf(elf, btf, relocated, facts, externs, constants);
  const hazards = new Map<string, readonly Hazard[]>();
  const hazardsIn = (own: string): readonly Hazard[] => {
    const known =
      hazards.get(own) ?? relocated.hazards.filter(({ section: s }) => s === own || s === '.text');
    hazards.set(own, known);
    return known;
  };
  const out = new Map<string, Verdict>();
  for (const program of programs) {
    if (loaded.has(program.name)) {
      out.set(
        program.name,
        lacksUsdtSupport(program, btf) ?? judgeHook(program, facts, btf, { loaded: true }),
      );
      continue;
    }
    const place = placeOf(elf, program.name)!;
    const verdicts = [judgeHook(program, facts, btf), typeVerdict(program, facts, untyped), ...whole];
    for (const verdict of [licenseVerdict(elf, btf, program, facts), lacksUsdtSupport(program, btf)])
      if (verdict) verdicts.push(verdict);
    for (const f of relocated.faults)
      if (f.section === program.section && f.section !== '.text')
        verdicts.push({ state: 'refused', reason: f.reason, hint: f.hint });
    const already = verdicts.find((v) => v.state === 'refused');
    if (already) {
      // The first refusal is the one that is told: what the code does brings nothing more.
      out.set(program.name, already);
      continue;
    }
    const problems = [
      ...hazardsIn(place.section),
      ...helperHazards(elf, program, facts),
      ...kfuncHazards(elf, program, facts, externs),
      ...argumentHazards(elf, program, place, facts, code(false).callee),
      ...accessHazards(elf, program, place, facts, code(false).callee, relocated.code),
    ];
    let reached: ((place: Place) => Reached) | undefined;
    for (const { section, at, certain, reason, hint } of problems) {
      if (section !== place.section && section !== '.text') continue;
      reached ??= reach(
        code(hasPlainContext(program.type)),
        place,
        walkedAnyway(elf, btf, program.name, facts),
      );
      const way = reached({ section, at });
      if (way === 'never') continue;
      verdicts.push({
        state: certain && way === 'surely' ? 'refused' : 'unknown',
        reason: certain && way === 'perhaps' ? `${reason}, and the program may need it` : reason,
        ...(hint !== undefined && { hint }),
      });
    }
    const alive = (at: number): boolean => {
      reached ??= reach(
        code(hasPlainContext(program.type)),
        place,
        walkedAnyway(elf, btf, program.name, facts),
      );
      return reached({ section: place.section, at }) !== 'never';
    };
    const more = [
      returnVerdict(elf, btf, program, facts, place, code(false).callee, alive),
      lockedMapVerdict(elf, btf, program, facts),
      sleepableMapVerdict(elf, btf, program, facts),
      tableVerdict(elf, program),
      globalFunctionVerdict(elf, btf, program.name, facts),
    ];
    verdicts.push(...more.filter((v) => v !== undefined));
    const notes = verdicts.flatMap((v) => (v.state === 'runs' && v.note ? [v.note] : []));
    const verdict = worst(verdicts);
    out.set(
      program.name,
      verdict.state === 'runs' && notes.length > 0 ? { state: 'runs', note: notes.join('; ') } : verdict,
    );
  }
  return out;
}

function placeOf(elf: Elf, program: string): Place | undefined {
  const symbol = elf.program(program);
  const section = symbol && elf.sections[symbol.section];
  return section && { section: section.name, at: symbol.value };
}

function typeVerdict(
  { name, type, section }: ProgramDescription,
  facts: KernelFacts,
  untyped: ReadonlySet<string>,
): Verdict {
  if (type === 'unknown' || untyped.has(name))
    return {
      state: 'refused',
      reason: `the section "${section}" names no kind of program`,
      hint: sectionHint(section),
    };
  if (type === 'freplace')
    return {
      state: 'refused',
      reason: 'it replaces a function of another program, and skep loads it beside none',
      hint: 'Observe the other program with fentry or fexit.',
    };
  const kernel = kernelType(type, section);
  if (kernel === undefined)
    return { state: 'unknown', reason: `what a section "${section}" becomes is not known` };
  if (listed(facts, facts.programTypes, kernel, 'bpf_prog_type') === false)
    return { state: 'refused', reason: `the kernel has no program type ${kernel}` };
  return { state: 'runs' };
}
