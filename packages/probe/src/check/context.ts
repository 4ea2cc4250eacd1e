import {
  type Elf,
  type Instruction,
  instructionsIn,
  type KernelFacts,
  lengthOf,
  type Place,
} from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import { prototypeIn } from '../hooks/prototype.ts';
import type { Hazard } from './hazards.ts';

const CLASS = { ldx: 1, st: 2, stx: 3, jmp: 5, jmp32: 6 } as const;
/** Bytes, by the bits of an opcode that tell them. */
const SIZES: Readonly<Record<number, number>> = { 0: 4, 8: 2, 16: 1, 24: 8 };
const MOVE64 = 0xbf;
const CALL = 0x85;
const EXIT = 0x95;
const JUMP = 0x05;
const JUMP_FAR = 0x06;
/** Loads and arithmetic; stores, jumps and calls write no register that they name. */
const WRITES: ReadonlySet<number> = new Set([0, CLASS.ldx, 4, 7]);
const ATOMIC = 0xc0;
const PSEUDO_CALL = 1;

/** Which function a call goes to. */
export type Callee = (place: Place, ins: Instruction) => Place | undefined;

/**
 * Reads of arguments that a tracepoint or function does not hand over here: what the verifier refuses, and of a raw_tp
 * program its attachment. Where the context lies is followed only as far as it is sure: from register 1 into copies of it,
 * and into functions that are always called with it.
 */
export function argumentHazards(
  elf: Elf,
  program: ProgramDescription,
  entry: Place,
  facts: KernelFacts,
  callee: Callee,
): Hazard[] {
  const given = slotsOf(program, facts);
  if (given === undefined) return [];
  const hazards: Hazard[] = [];
  for (const { place, offset } of contextReads(elf, entry, callee)) {
    if (offset < given * 8) continue;
    const returns = ['fexit', 'fmod_ret', 'fsession', 'lsm'].includes(program.type);
    const has = returns ? `${given} with what it returns` : `${given}`;
    const reason = `it reads argument ${(offset >> 3) + 1} of ${program.target}, which has ${has} here`;
    hazards.push({ ...place, certain: true, reason });
  }
  return hazards;
}

/** How many numbers of eight bytes the context holds; undefined for other kinds, and where that is not known. */
function slotsOf({ type, target }: ProgramDescription, facts: KernelFacts): number | undefined {
  switch (type) {
    case 'tp_btf':
    case 'raw_tp':
      return prototypeIn(facts, target, 'tracepoint')?.parameters.length;
    case 'fentry':
    case 'fexit':
    case 'fmod_ret':
    case 'fsession':
    case 'lsm': {
      const found = prototypeIn(facts, type === 'lsm' ? `bpf_lsm_${target}` : target, 'function');
      // A structure that is handed over by value takes one or two.
      if (!found || found.parameters.some((p) => /^(struct|union) [^*]*$/.test(p))) return undefined;
      return found.parameters.length + (type === 'fentry' || found.returns === 'void' ? 0 : 1);
    }
    default:
      return undefined;
  }
}

/** A read or write of the context. */
export interface Access {
  readonly place: Place;
  /** In the context. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  readonly writes: boolean;
}

/** What a program reads is the same on every kernel, but for where CO-RE finds it. */
const objects = new WeakMap<Elf, Map<string, Access[]>>();

/** Where a program surely reads its context. */
export function contextReads(elf: Elf, entry: Place, callee: Callee): Access[] {
  return contextAccesses(elf, entry, callee).filter((a) => !a.writes);
}

/** Where a program surely reads or writes its context. */
export function contextAccesses(elf: Elf, entry: Place, callee: Callee): Access[] {
  const known = objects.get(elf) ?? new Map<string, Access[]>();
  objects.set(elf, known);
  const key = `${entry.at} ${entry.section}`;
  const accesses = known.get(key) ?? findAccesses(elf, entry, callee);
  known.set(key, accesses);
  return accesses;
}

/**
 * The access as it is in `code`, where CO-RE may have moved what is read; undefined where it is none there.
 *
 * @param code of the same object, with a kernel's answers in it
 */
export function relocated(access: Access, code: ReadonlyMap<string, Uint8Array>): Access | undefined {
  const bytes = code.get(access.place.section);
  const ins = bytes && instructionsIn(bytes)[access.place.at >> 3];
  const kind = ins && ins.opcode & 7;
  if (kind !== CLASS.ldx && kind !== CLASS.st && kind !== CLASS.stx) return undefined;
  return { ...access, offset: ins!.offset, size: SIZES[ins!.opcode & 0x18]! };
}

function findAccesses(elf: Elf, entry: Place, callee: Callee): Access[] {
  const seen = new Map<string, { registers: string; accesses: Access[] }>();
  const visit = (place: Place, registers: readonly number[]): void => {
    const key = `${place.at} ${place.section}`;
    const before = seen.get(key);
    if (before) {
      // Called with something else as well: what it reads is not surely the context.
      if (before.registers !== registers.join()) before.accesses = [];
      return;
    }
    const found = { registers: registers.join(), accesses: [] as Access[] };
    seen.set(key, found);
    const accesses = accessesOf(functionAt(elf, place), place, registers, (at, ins, passed) => {
      const to = callee(at, ins);
      if (to) visit(to, passed);
    });
    if (found.registers === registers.join()) found.accesses = accesses;
  };
  visit(entry, [1]);
  return [...seen.values()].flatMap((f) => f.accesses);
}

/** The code of the function that begins there, by number from its begin. */
function functionAt(elf: Elf, { section, at }: Place): readonly (Instruction | undefined)[] {
  const number = elf.sections.findIndex((s) => s.name === section);
  const symbol = elf.symbols.find((s) => s.type === 'func' && s.section === number && s.value === at);
  return instructionsIn(elf.sections[number]!.data).slice(at >> 3, (at + (symbol?.size ?? 0)) >> 3);
}

/**
 * The reads and writes in one function, of which some arguments are the context. A register has it at an instruction when it has it
 * on every way there: sets of registers, as bits, that only shrink until nothing changes.
 */
function accessesOf(
  code: readonly (Instruction | undefined)[],
  place: Place,
  registers: readonly number[],
  call: (place: Place, ins: Instruction, passed: readonly number[]) => void,
): Access[] {
  const held = new Map<number, number>();
  const todo: [at: number, context: number][] = [[0, bits(registers)]];
  for (let next = todo.pop(); next; next = todo.pop()) {
    const [at, context] = next;
    const before = held.get(at);
    const now = before === undefined ? context : before & context;
    const ins = code[at >> 3];
    if (now === before || !ins) continue;
    held.set(at, now);
    for (const to of following(at, ins)) todo.push([to, after(ins, now)]);
  }
  const found: Access[] = [];
  for (const [at, context] of held) {
    const ins = code[at >> 3]!;
    const here = { section: place.section, at: place.at + at };
    const kind = ins.opcode & 7;
    const size = SIZES[ins.opcode & 0x18]!;
    if (kind === CLASS.ldx && context & bits([ins.source]))
      found.push({ place: here, offset: ins.offset, size, writes: false });
    else if ((kind === CLASS.st || kind === CLASS.stx) && context & bits([ins.destination]))
      found.push({ place: here, offset: ins.offset, size, writes: true });
    if (ins.opcode === CALL && ins.source === PSEUDO_CALL)
      call(
        here,
        ins,
        [1, 2, 3, 4, 5].filter((r) => context & bits([r])),
      );
  }
  return found;
}

/** Where control may be after an instruction. */
function following(at: number, { opcode, offset, immediate }: Instruction): number[] {
  const kind = opcode & 7;
  const straight = at + lengthOf(opcode);
  if (opcode === EXIT) return [];
  if ((kind !== CLASS.jmp && kind !== CLASS.jmp32) || opcode === CALL) return [straight];
  const jump = at + 8 + 8 * (opcode === JUMP_FAR ? immediate : offset);
  return opcode === JUMP || opcode === JUMP_FAR ? [jump] : [straight, jump];
}

/** Which registers have the context after an instruction. */
function after({ opcode, source, destination, offset }: Instruction, context: number): number {
  if (opcode === CALL) return context & ~bits([0, 1, 2, 3, 4, 5]);
  if (opcode === MOVE64 && offset === 0 && context & bits([source])) return context | bits([destination]);
  if (WRITES.has(opcode & 7)) return context & ~bits([destination]);
  // An atomic operation may bring back what was there.
  return (opcode & 0xe7) === (ATOMIC | CLASS.stx) ? context & ~bits([0, source]) : context;
}

function bits(registers: readonly number[]): number {
  return registers.reduce((all, r) => all | (1 << r), 0);
}
