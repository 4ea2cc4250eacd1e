import { decide, type Ways } from './branch.ts';
import {
  CALL,
  CLASS,
  EXIT,
  type Instruction,
  instructionAt,
  JUMP_ALWAYS,
  JUMP_ALWAYS_FAR,
  LD_IMM64,
  lengthOf,
  PSEUDO,
} from './instruction.ts';
import { Machine, type World } from './machine.ts';
import { number, UNKNOWN, type Value } from './value.ts';

/** Steps of one program after which nothing more is found out. */
const MAX_STEPS = 40_000;
/** Times that one instruction is visited on sure ways: loops and joins. */
const MAX_VISITS = 6;

/** A place in the object's code. */
export interface Place {
  readonly section: string;
  /** Byte. */
  readonly at: number;
}

/** The code of an object, relocated. */
export interface Code extends World {
  bytes(section: string): Uint8Array | undefined;
  /** Where a call of a function of the object goes, and whether that function is global; undefined when unclear. */
  callee(place: Place, ins: Instruction): (Place & { global: boolean }) | undefined;
  /** A function whose address a 64-bit constant takes: a callback. */
  callback(place: Place): Place | undefined;
}

/** Whether the verifier walks an instruction. */
export type Reached = 'surely' | 'perhaps' | 'never';

/**
 * Which instructions of a program the kernel's verifier walks, given what is constant once it is loaded.
 *
 * `never`: no way leads there, whatever numbers the program meets. `surely`: a way leads there on which every jump
 * depends on constants, or on a number of which the verifier knows nothing and that has not been asked before; as the
 * verifier is sound, it must walk there. `perhaps` is the rest.
 *
 * @param besides functions that the verifier may begin at as well, called or not
 */
export function reach(code: Code, entry: Place, besides: readonly Place[] = []): (place: Place) => Reached {
  const sure = sureReach(code, entry);
  let may: Places<true> | undefined;
  return (place) => {
    if (sure.get(place)) return 'surely';
    may ??= mayReach(code, entry, besides);
    return may === TOO_LONG || may.get(place) ? 'perhaps' : 'never';
  };
}

/** Something by place, by section and then by number, since a text for each instruction takes longer than to run it. */
class Places<T> {
  readonly #sections = new Map<string, T[]>();
  // Ways stay in one section for long.
  #last = '';
  #of: T[] | undefined;

  get({ section, at }: Place): T | undefined {
    return this.#in(section)?.[at >> 3];
  }

  set({ section, at }: Place, value: T): void {
    let of = this.#in(section);
    if (!of) {
      of = this.#of = [];
      this.#sections.set(section, of);
    }
    of[at >> 3] = value;
  }

  #in(section: string): T[] | undefined {
    if (section !== this.#last || !this.#of) this.#of = this.#sections.get(section);
    this.#last = section;
    return this.#of;
  }
}

const TOO_LONG = new Places<true>();

interface Next {
  place: Place;
  machine: Machine;
}

/**
 * Over-approximation: what both sides of a join know is kept. Ways join where a jump leads, so that only there it is
 * kept what is known; between, one machine runs on.
 */
function mayReach(code: Code, entry: Place, besides: readonly Place[]): Places<true> {
  const reached = new Places<true>();
  const states = new Places<Machine>();
  const work: Place[] = [];
  const flow = (place: Place, machine: Machine): void => {
    const known = states.get(place);
    if (!known) states.set(place, machine.copy());
    else if (!known.join(machine)) return;
    work.push(place);
  };
  flow(entry, Machine.entry([{ kind: 'context' }]));
  for (const place of besides) flow(place, Machine.entry([]));
  for (let steps = 0; work.length > 0; ) {
    let place = work.pop()!;
    const machine = states.get(place)!.copy();
    const targets = jumpTargets(code.bytes(place.section));
    for (;;) {
      if (++steps > MAX_STEPS) return TOO_LONG;
      reached.set(place, true);
      const ins = fetch(code, place);
      if (!ins || ins.opcode === EXIT) break;
      for (const entered of entries(code, place, ins))
        flow(entered, Machine.entry(entered.sure ? machine.registers.slice(1, 6) : []));
      const next = successors(code, place, ins, machine, false);
      if (next.length !== 1 || next[0]!.machine !== machine || targets.has(next[0]!.place.at)) {
        for (const n of next) flow(n.place, n.machine);
        break;
      }
      place = next[0]!.place;
    }
  }
  return reached;
}

const knownTargets = new WeakMap<Uint8Array, ReadonlySet<number>>();

/** Bytes of a section that a jump leads to. */
function jumpTargets(bytes: Uint8Array | undefined): ReadonlySet<number> {
  const known = bytes && knownTargets.get(bytes);
  if (known) return known;
  const out = new Set<number>();
  if (!bytes) return out;
  for (let at = 0; ; ) {
    const ins = instructionAt(bytes, at);
    if (!ins) break;
    at += lengthOf(ins.opcode);
    const kind = ins.opcode & 7;
    if ((kind === CLASS.jmp || kind === CLASS.jmp32) && ins.opcode !== CALL && ins.opcode !== EXIT)
      out.add(targetOf(ins, at));
  }
  knownTargets.set(bytes, out);
  return out;
}

/** Where a jump leads when it is taken; `next` is the byte behind it. */
function targetOf(ins: Instruction, next: number): number {
  return next + (ins.opcode === JUMP_ALWAYS_FAR ? ins.immediate : ins.offset) * 8;
}

/** Under-approximation, way by way. */
function sureReach(code: Code, entry: Place): Places<number> {
  const visits = new Places<number>();
  const work: Next[] = [{ place: entry, machine: Machine.entry([{ kind: 'context' }]) }];
  for (let steps = 0; work.length > 0 && steps < MAX_STEPS; steps++) {
    const { place, machine } = work.pop()!;
    const count = visits.get(place) ?? 0;
    if (count >= MAX_VISITS) continue;
    visits.set(place, count + 1);
    const ins = fetch(code, place);
    if (!ins || ins.opcode === EXIT) continue;
    for (const entered of entries(code, place, ins)) {
      // When a callback is called is the helper's business.
      if (entered.sure)
        work.push({
          place: entered,
          machine: Machine.entry(entered.global ? [] : machine.registers.slice(1, 6)),
        });
    }
    work.push(...successors(code, place, ins, machine, true));
  }
  return visits;
}

function fetch(code: Code, { section, at }: Place): Instruction | undefined {
  const bytes = code.bytes(section);
  return bytes && instructionAt(bytes, at);
}

/** Functions of the object that begin because of an instruction. */
function entries(code: Code, place: Place, ins: Instruction): (Place & { sure: boolean; global: boolean })[] {
  if (ins.opcode === CALL && ins.source === PSEUDO.call) {
    const callee = code.callee(place, ins);
    return callee ? [{ ...callee, sure: true }] : [];
  }
  if (ins.opcode !== LD_IMM64) return [];
  const callback = code.callback(place);
  return callback ? [{ ...callback, sure: false, global: false }] : [];
}

function successors(code: Code, place: Place, ins: Instruction, machine: Machine, onlySure: boolean): Next[] {
  const { section, at } = place;
  const { opcode } = ins;
  const to = (target: number, m: Machine): Next => ({ place: { section, at: target }, machine: m });
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
  if (taken) out.push(to(target, after(machine, ins, left, right, true)));
  if (not) out.push(to(next, after(machine, ins, left, right, false)));
  return out;
}

/** What one side of a jump knows more. */
function after(machine: Machine, ins: Instruction, left: Value, right: Value, taken: boolean): Machine {
  const m = machine.copy();
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
