import { decide, type Ways } from './branch.ts';
import { type Code, type Decoded, decoded, type Place, targetOf } from './code.ts';
import {
  CALL,
  CLASS,
  EXIT,
  type Instruction,
  JUMP_ALWAYS,
  JUMP_ALWAYS_FAR,
  LD_IMM64,
  lengthOf,
  PSEUDO,
} from './instruction.ts';
import { Machine } from './machine.ts';
import { number, UNKNOWN, type Value } from './value.ts';

/** Steps of one function after which nothing more is found out. */
const MAX_STEPS = 40_000;
/** Times that one instruction is visited on sure ways: loops and joins. */
const MAX_VISITS = 6;

/** A function of the object that begins, and with what in its arguments' registers. */
export interface Entered extends Place {
  readonly args: readonly Value[];
  /** {@link valuesKey} of the arguments, once somebody has asked for it. */
  key?: string;
}

/** What the verifier walks of one function that begins with certain arguments; others that it calls are named. */
export interface Walk {
  /** By number of the instruction in the section: whether it is reached. */
  readonly reached: Uint8Array;
  readonly entered: readonly Entered[];
  /** Whether the walk was given up. */
  readonly tooLong: boolean;
}

/**
 * Over-approximation: what both sides of a join know is kept. Ways join where a jump leads, so that only there it is
 * kept what is known; between, one machine runs on.
 */
export function mayWalk(code: Code, { section, at: entry, args }: Entered): Walk {
  const of = decoded(code, section);
  const reached = new Uint8Array(of.instructions.length);
  const states = new Map<number, Machine>();
  const work: number[] = [];
  // A place in a stretch without joins is come to again only with less known: the last says it all.
  const entered = new Map<number, Entered>();
  // Whoever hands a machine over is done with it.
  const flow = (at: number, machine: Machine): void => {
    const known = states.get(at);
    if (!known) states.set(at, machine);
    else if (!known.join(machine)) return;
    work.push(at);
  };
  flow(entry, Machine.entry(args));
  for (let steps = 0; work.length > 0; ) {
    let at = work.pop()!;
    const machine = states.get(at)!.copy();
    for (;;) {
      if (++steps > MAX_STEPS) return { reached, entered: [], tooLong: true };
      const ins = of.instructions[at >> 3];
      if (!ins) break;
      reached[at >> 3] = 1;
      if (ins.opcode === EXIT) break;
      const kind = ins.opcode & 7;
      // Most instructions: nothing begins, nothing parts.
      if (kind !== CLASS.jmp && kind !== CLASS.jmp32 && ins.opcode !== LD_IMM64) {
        machine.step(ins, code, section, at);
        at += 8;
        if (!of.targets.has(at)) continue;
        flow(at, machine);
        break;
      }
      const start = startedBy(code, { section, at }, ins);
      if (start) entered.set(at, { ...start.place, args: start.sure ? machine.registers.slice(1, 6) : [] });
      const next = successors(code, { section, at }, ins, machine, false);
      if (next.length !== 1 || next[0]!.machine !== machine || of.targets.has(next[0]!.at)) {
        for (const n of next) flow(n.at, n.machine);
        break;
      }
      at = next[0]!.at;
    }
  }
  return { reached, entered: [...entered.values()], tooLong: false };
}

/** Under-approximation, way by way. */
export function sureWalk(code: Code, { section, at: entry, args }: Entered): Walk {
  const of: Decoded = decoded(code, section);
  const reached = new Uint8Array(of.instructions.length);
  const entered: Entered[] = [];
  const work: Next[] = [{ at: entry, machine: Machine.entry(args) }];
  for (let steps = 0; work.length > 0 && steps < MAX_STEPS; steps++) {
    const { at, machine } = work.pop()!;
    const ins = of.instructions[at >> 3];
    if (!ins || reached[at >> 3]! >= MAX_VISITS) continue;
    reached[at >> 3]! += 1;
    if (ins.opcode === EXIT) continue;
    const start = startedBy(code, { section, at }, ins);
    // When a callback is called is the helper's business.
    if (start?.sure)
      entered.push({ ...start.place, args: start.global ? [] : machine.registers.slice(1, 6) });
    work.push(...successors(code, { section, at }, ins, machine, true));
  }
  return { reached, entered, tooLong: false };
}

/** The function of the object that begins because of an instruction. */
function startedBy(
  code: Code,
  place: Place,
  ins: Instruction,
): { place: Place; sure: boolean; global: boolean } | undefined {
  if (ins.opcode === CALL && ins.source === PSEUDO.call) {
    const callee = code.callee(place, ins);
    return callee && { place: { section: callee.section, at: callee.at }, sure: true, global: callee.global };
  }
  if (ins.opcode !== LD_IMM64) return undefined;
  const callback = code.callback(place);
  return callback && { place: callback, sure: false, global: false };
}

interface Next {
  at: number;
  machine: Machine;
}

function successors(code: Code, place: Place, ins: Instruction, machine: Machine, onlySure: boolean): Next[] {
  const { section, at } = place;
  const { opcode } = ins;
  const to = (target: number, m: Machine): Next => ({ at: target, machine: m });
  const next = at + lengthOf(opcode);
  const kind = opcode & 7;
  if (kind !== CLASS.jmp && kind !== CLASS.jmp32) {
    machine.step(ins, code, section, at);
    return [to(next, machine)];
  }
  if (opcode === CALL) {
    machine.call(ins);
    return [to(next, machine)];
  }
  const target = targetOf(ins, next);
  if (opcode === JUMP_ALWAYS || opcode === JUMP_ALWAYS_FAR) return [to(target, machine)];
  const left = machine.registers[ins.destination]!;
  const right = (opcode & 8) !== 0 ? machine.registers[ins.source]! : number(ins.immediate);
  const ways: Ways = decide(opcode, left, right);
  const out: Next[] = [];
  if (ways === 'unsure' && onlySure) return out;
  const { taken, not } = ways === 'unsure' ? { taken: true, not: true } : ways;
  if (taken) out.push(to(target, after(not ? machine.copy() : machine, ins, left, right, true)));
  if (not) out.push(to(next, after(machine, ins, left, right, false)));
  return out;
}

/** What one side of a jump knows more. */
function after(m: Machine, ins: Instruction, left: Value, right: Value, taken: boolean): Machine {
  const equal = (ins.opcode >> 4 === 1 && taken) || (ins.opcode >> 4 === 5 && !taken);
  const unequal = (ins.opcode >> 4 === 5 && taken) || (ins.opcode >> 4 === 1 && !taken);
  const wide = (ins.opcode & 7) === CLASS.jmp;
  const known = equal && wide && right.kind === 'number' ? right : UNKNOWN;
  if (left.kind === 'nullable') m.spend(left, unequal ? { kind: 'memory' } : known);
  else m.spend(left, known);
  m.spend(right, UNKNOWN);
  if (left.kind === 'unknown' && known.kind === 'number') m.registers[ins.destination] = known;
  return m;
}
