import type { Btf, Elf, KernelFacts, Place, Verdict } from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import { FlowReader } from '../effects/flow.ts';
import type { Known } from '../effects/values.ts';
import { prototypeIn } from '../hooks/prototype.ts';
import { type Callee, contextReads } from './context.ts';
import { readCode } from './read-code.ts';
import { returnsOnly } from './returns-constant.ts';

/** What programs may return, from and to; both included. */
type Range = readonly [number, number];

const PASSES: Range = [1, 1];
const YES_OR_NO: Range = [0, 1];

/** check_return_code() of kernel/bpf/verifier.c, as far as it has been the same since 5.10. */
function allowed({ type, section, target }: ProgramDescription, facts: KernelFacts): Range | undefined {
  const [major, minor] = facts.version;
  switch (type) {
    case 'fentry':
    case 'fexit':
      return [0, 0];
    case 'iter':
    case 'sock_ops':
    case 'sk_lookup':
    case 'netfilter':
      return YES_OR_NO;
    case 'cgroup':
      if (/\/(recvmsg|getpeername|getsockname)(4|6|_unix)$/.test(section)) return PASSES;
      return /\/bind[46]$/.test(section) ? [0, 3] : YES_OR_NO;
    case 'cgroup_skb':
      return /egress/.test(section) ? [0, 3] : YES_OR_NO;
    case 'lsm':
      // Before, whatever came back was taken for an error; what returns a bool or nothing is left out here.
      if (major < 6 || (major === 6 && minor < 12)) return undefined;
      return prototypeIn(facts, `bpf_lsm_${target}`, 'function')?.returns === 'int' && !BOOL.has(target)
        ? [-4095, 0]
        : undefined;
    default:
      return undefined;
  }
}

/** Visits of instructions: what takes longer to follow is as good as not known. */
const LONGEST = 10_000;

/** Hooks of security modules that answer with 0 or 1. */
const BOOL = new Set(['audit_rule_known', 'inode_xattr_skipcap']);

/** What a program returns is the same on every kernel. */
const objects = new WeakMap<Elf, Map<string, Known | undefined>>();

function returnedBy(elf: Elf, btf: Btf, program: string): Known | undefined {
  const flows = objects.get(elf) ?? new Map<string, Known | undefined>();
  objects.set(elf, flows);
  if (flows.has(program)) return flows.get(program);
  const code = readCode(elf, btf).program(program);
  const nothing = { packetAt: new Set<number>(), own: [0, 0] as const };
  const known = code && new FlowReader(nothing, () => {}, LONGEST).program(code).returned;
  flows.set(program, known);
  return known;
}

/**
 * Whether the verifier takes what a program returns. Refused when nothing else can come back; when some of it may, only
 * the verifier knows which ways it goes.
 *
 * @param reached whether an instruction of the program's section may be reached
 */
export function returnVerdict(
  elf: Elf,
  btf: Btf,
  program: ProgramDescription,
  facts: KernelFacts,
  place: Place,
  callee: Callee,
  reached: (at: number) => boolean,
): Verdict | undefined {
  const range = allowed(program, facts);
  if (!range) return undefined;
  // 32-bit code leaves the upper half of a negative number empty.
  const value = (n: bigint) => Number(BigInt.asIntN(program.type === 'lsm' ? 32 : 64, n));
  const outside = (n: bigint) => value(n) < range[0] || value(n) > range[1];
  const code = readCode(elf, btf).program(program.name);
  if (program.type === 'iter' && code && returnsOnly(code, (n) => n === 1n))
    return {
      state: 'runs',
      note: 'it always returns 1, which asks for the same thing again: run gives that up with an error',
    };
  if (program.type !== 'lsm' && code && returnsOnly(code, (n) => !outside(n))) return undefined;
  const known = returnedBy(elf, btf, program.name);
  if (known?.kind !== 'numbers') {
    if (program.type !== 'lsm' || passesOn(elf, program, facts, place, callee)) return undefined;
    return {
      state: 'unknown',
      reason: `whether what it returns is 0 or an error, as this kernel insists, cannot be told from its code`,
      hint: 'What the programs before it returned is behind the last argument, of which a kernel may have more.',
    };
  }
  const bad = [...known.numbers].filter(([n, at]) => outside(n) && reached(at));
  if (bad.length === 0) return undefined;
  const valid = range[0] === range[1] ? `only ${range[0]} is` : `${range[0]} to ${range[1]} are`;
  const n = value(bad[0]![0]);
  return bad.length === known.numbers.size
    ? { state: 'refused', reason: `it returns ${n}, and ${valid} allowed for ${program.type} programs` }
    : { state: 'unknown', reason: `it may return ${n}, and ${valid} allowed for ${program.type} programs` };
}

/** Whether it reads what the programs before it returned: that lies behind the hook's own arguments. */
function passesOn(
  elf: Elf,
  { target }: ProgramDescription,
  facts: KernelFacts,
  place: Place,
  callee: Callee,
): boolean {
  const taken = prototypeIn(facts, `bpf_lsm_${target}`, 'function')?.parameters.length;
  const reads = contextReads(elf, place, callee);
  return reads.length === 0 || taken === undefined || reads.some((r) => r.offset === taken * 8);
}
