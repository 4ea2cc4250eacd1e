import type { Btf, Elf, KernelFacts, Place, Verdict } from '@skep/bpf';
import type { Code } from '../effects/code.ts';
import { readCode } from './read-code.ts';

/**
 * Functions that the verifier of this kernel may walk for themselves: the global ones that a program names, be it in
 * code that is dead. Linux 6.8 walks those only that live code calls; distributions may have that earlier, so it is
 * never said that one surely is.
 */
export function walkedAnyway(elf: Elf, btf: Btf, program: string, { version }: KernelFacts): Place[] {
  const [major, minor] = version;
  if (major > 6 || (major === 6 && minor >= 8)) return [];
  const called = objects.get(elf) ?? new Map<string, Place[]>();
  objects.set(elf, called);
  const known = called.get(program) ?? globalsOf(elf, btf, program);
  called.set(program, known);
  return known;
}

/** What an object's programs call is the same on every kernel that it is checked against. */
const objects = new WeakMap<Elf, Map<string, Place[]>>();

function globalsOf(elf: Elf, btf: Btf, program: string): Place[] {
  return globalCode(elf, btf, program).map(placeOf);
}

function globalCode(elf: Elf, btf: Btf, program: string): Code[] {
  const found = new Set<Code>();
  const start = readCode(elf, btf).program(program);
  if (start) collect(start, found);
  return [...found].filter((code) => code !== start && isGlobal(elf, btf, code));
}

/** Contexts of programs, which global functions have been handed since Linux 5.6. */
const CONTEXT =
  /^(__sk_buff|xdp_md|pt_regs|user_pt_regs|bpf_(sock_ops|perf_event_data|raw_tracepoint_args|sock|sock_addr|sk_lookup|sysctl|sockopt|cgroup_dev_ctx)|sk_(msg_md|reuseport_md))$/;

/** Before Linux 5.12 a global function took numbers and the context alone, and returned a number. */
export function globalFunctionVerdict(
  elf: Elf,
  btf: Btf,
  program: string,
  { version: [major, minor] }: KernelFacts,
): Verdict | undefined {
  if (major === 0 || major > 5 || (major === 5 && minor >= 12)) return undefined;
  for (const { name } of globalCode(elf, btf, program)) {
    const func = btf.find(name, 'func');
    const type = func?.kind === 'func' ? btf.resolve(func.type) : undefined;
    if (type?.kind !== 'func_proto') continue;
    const what = type.parameters.some((p) => isPointer(btf, p.type))
      ? 'take pointers'
      : type.returns === 0
        ? 'return nothing'
        : undefined;
    if (what !== undefined)
      return {
        state: 'unknown',
        reason: `whether global functions as "${name}" may ${what} is not known: that came with Linux 5.12`,
        hint: 'Make it static.',
      };
  }
  return undefined;
}

function isPointer(btf: Btf, typeId: number): boolean {
  const type = btf.resolve(typeId);
  if (type.kind !== 'ptr') return false;
  const to = btf.resolve(type.type);
  return !((to.kind === 'struct' || to.kind === 'fwd') && CONTEXT.test(to.name));
}

function collect(code: Code, found: Set<Code>): void {
  if (found.has(code)) return;
  found.add(code);
  for (const { callee } of code.instructions.values()) if (callee) collect(callee, found);
}

function placeOf({ section, start }: Code): Place {
  return { section: section.name, at: start };
}

function isGlobal(elf: Elf, btf: Btf, { section, start, name }: Code): boolean {
  return (
    btf.find(name, 'func') !== undefined &&
    elf.symbols.some(
      (s) => s.type === 'func' && s.section === section.index && s.value === start && s.binding !== 'local',
    )
  );
}
