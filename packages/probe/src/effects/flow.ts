import { branchTarget, type Code, type Instruction } from './code.ts';
import { arithmetic, CONTEXT, either, FRAME, type Known, number, OTHER, PACKET, same } from './values.ts';

/** Where a function's arguments lead, and what comes back. */
export interface Flow {
  /** What it can return, over all paths. */
  returned: Known | undefined;
  /** Offset of an exit whose value is not known. */
  exit: number;
}

/** Members of a context that are pointers into the packet, and the one that is the program's own to write. */
const POINTERS: ReadonlySet<string> = new Set(['data', 'data_end', 'data_meta']);
const OWN = 'cb';

/** What of a program's context leads into the packet, and what of it may be written. */
export interface ContextShape {
  /** What programs call it, where it may have such members: `__sk_buff`. */
  readonly struct?: string;
  /** Offsets of members that are pointers into the packet. */
  readonly packetAt: ReadonlySet<number>;
  /** Bytes that are the program's own to write: from, to. */
  readonly own: readonly [from: number, to: number];
}

/** Told of each write to packet or context. */
export type OnWrite = (code: Code, offset: number, what: 'packet' | 'context') => void;

interface State {
  registers: Known[];
  stack: Map<number, Known>;
}

const DEEPEST = 8;
/** Visits of instructions in all; what needs more counts as unknown. */
const LONGEST = 200_000;

/**
 * Follows the paths of a program from its context to its exits, through the functions it calls. Every branch is taken
 * to be possible: what is found is at least what can happen.
 */
export class FlowReader {
  readonly #shape: ContextShape;
  readonly #onWrite: OnWrite;
  readonly #longest: number;
  #visits = 0;

  constructor(shape: ContextShape, onWrite: OnWrite, longest = LONGEST) {
    this.#longest = longest;
    this.#shape = shape;
    this.#onWrite = onWrite;
  }

  program(code: Code): Flow {
    return this.#run(code, [CONTEXT], 0).flow;
  }

  /** A function that a helper calls back: its arguments may be anything that the program had. */
  callback(code: Code): void {
    this.#run(code, [PACKET, PACKET, PACKET, PACKET, PACKET], 1);
  }

  /** `leaks`: it may have put a pointer into the packet onto a caller's stack. */
  #run(code: Code, args: readonly Known[], depth: number): { flow: Flow; leaks: boolean } {
    const flow: Flow = { returned: undefined, exit: code.start };
    if (depth > DEEPEST) return { flow: { returned: OTHER, exit: code.start }, leaks: true };
    const registers: Known[] = Array.from({ length: 11 }, () => OTHER);
    for (const [i, arg] of args.entries()) registers[i + 1] = arg;
    registers[10] = { kind: 'stack', at: 0 };
    const states = new Map<number, State>([[code.start, { registers, stack: new Map() }]]);
    const work = [code.start];
    let leaks = false;
    const go = (to: number, state: State) => {
      const there = states.get(to);
      const merged = there ? merge(there, state) : copy(state);
      if (!merged) return;
      states.set(to, merged);
      work.push(to);
    };
    while (work.length > 0) {
      let at = work.pop()!;
      const state = copy(states.get(at)!);
      // Straight on to where the path ends, parts or meets another.
      for (let one = code.instructions.get(at); one; one = code.instructions.get(at)) {
        if (++this.#visits > this.#longest) return { flow: { returned: OTHER, exit: at }, leaks: true };
        const target = branchTarget(one);
        const op = one.opcode & 0xf0;
        const jumps = (one.opcode & 7) === 5 || (one.opcode & 7) === 6;
        if (jumps && op === 0x90) {
          const value = state.registers[0]!;
          if (value.kind !== 'numbers') flow.exit = at;
          flow.returned = flow.returned ? either(flow.returned, value) : value;
          break;
        }
        if (target !== undefined) go(target, state);
        else if (jumps) leaks = this.#call(code, one, state, depth) || leaks;
        else leaks = this.#step(code, one, state) || leaks;
        if (target !== undefined && op === 0x00) break;
        at += one.opcode === 0x18 ? 16 : 8;
        if (code.joins.has(at)) {
          go(at, state);
          break;
        }
      }
    }
    return { flow, leaks };
  }

  #call(code: Code, one: Instruction, { registers, stack }: State, depth: number): boolean {
    let leaks = false;
    let result: Known = OTHER;
    const args = registers.slice(1, 6);
    const givesStack = args.some((a) => a.kind === 'stack');
    if (one.src === 1 && one.callee) {
      const held = [...stack.values()].some((v) => v.kind === 'packet' || v.kind === 'context');
      // A callee that gets our stack can read what lies there.
      const inner = this.#run(
        one.callee,
        args.map((a) => (a.kind === 'stack' ? (held ? PACKET : FRAME) : a)),
        depth + 1,
      );
      result = inner.flow.returned ?? OTHER;
      if (result.kind === 'stack') result = OTHER;
      // Offsets are of one section: a number from elsewhere comes from here, as far as this function goes.
      if (result.kind === 'numbers' && one.callee.section !== code.section)
        result = {
          kind: 'numbers',
          numbers: new Map([...result.numbers.keys()].map((n) => [n, one.offset])),
        };
      if (givesStack && inner.leaks) for (const slot of stack.keys()) stack.set(slot, PACKET);
      leaks = inner.leaks && args.some((a) => a.kind === 'frame');
    } else if (givesStack) {
      // A helper writes numbers, never pointers.
      for (const [slot, value] of stack) if (value.kind === 'numbers') stack.set(slot, OTHER);
    }
    registers[0] = result;
    for (let r = 1; r <= 5; r++) registers[r] = OTHER;
    return leaks;
  }

  #step(code: Code, one: Instruction, { registers, stack }: State): boolean {
    const { opcode, dst, src, off, imm, offset } = one;
    const operand = () =>
      (opcode & 8) !== 0 ? registers[src]! : one.core ? OTHER : number(BigInt(imm), offset);
    switch (opcode & 7) {
      case 0: {
        // A wide constant; or one of the old loads from a packet, into r0.
        if (opcode !== 0x18) registers[0] = OTHER;
        else if (src !== 0 || one.core) registers[dst] = OTHER;
        else registers[dst] = number((BigInt(one.high) << 32n) | BigInt(imm >>> 0), offset);
        return false;
      }
      case 1:
        registers[dst] = this.#load(placed(registers[src]!, one), stack, one);
        return false;
      case 2:
      case 3: {
        const value = (opcode & 7) === 3 ? registers[src]! : number(BigInt(imm), offset);
        const atomic = (opcode & 0xe0) === 0xc0;
        const leaks = this.#store(code, one, placed(registers[dst]!, one), stack, atomic ? OTHER : value);
        if (atomic && (imm & 1) !== 0) {
          if ((imm & 0xf0) === 0xf0) registers[0] = OTHER;
          else registers[src] = OTHER;
        }
        return leaks;
      }
      default: {
        const wide = (opcode & 7) === 7;
        const op = opcode & 0xf0;
        const value = operand();
        if (op !== 0xb0) registers[dst] = arithmetic(op, wide, registers[dst]!, value, offset);
        else if (off !== 0) registers[dst] = OTHER;
        else if (wide || value.kind !== 'numbers') registers[dst] = value;
        else registers[dst] = arithmetic(0x00, false, value, number(0n, offset), offset);
        return false;
      }
    }
  }

  #load(from: Known, stack: Map<number, Known>, { off, opcode, core }: Instruction): Known {
    const { struct, packetAt } = this.#shape;
    if (from.kind === 'context') {
      const packet = !core
        ? packetAt.has(off)
        : struct !== undefined && (core.type !== struct || POINTERS.has(core.member));
      return packet ? PACKET : OTHER;
    }
    // Pointers are stored and loaded whole.
    if (from.kind === 'stack' && (opcode & 0x18) === 0x18) {
      if (from.at === undefined) return joined(stack);
      return stack.get(from.at + off) ?? OTHER;
    }
    return OTHER;
  }

  #store(code: Code, one: Instruction, to: Known, stack: Map<number, Known>, value: Known): boolean {
    const size = { 0: 4, 8: 2, 16: 1, 24: 8 }[one.opcode & 0x18]!;
    if (to.kind === 'packet') this.#onWrite(code, one.offset, 'packet');
    if (to.kind === 'context') {
      const [from, end] = this.#shape.own;
      const own = one.core
        ? one.core.type === this.#shape.struct && one.core.member === OWN
        : one.off >= from && one.off + size <= end;
      if (!own) this.#onWrite(code, one.offset, 'context');
    }
    const pointer = value.kind === 'packet' || value.kind === 'context';
    if (to.kind === 'frame') return pointer;
    if (to.kind !== 'stack') return false;
    if (to.at === undefined) {
      for (const [slot, held] of stack) stack.set(slot, either(held, value));
      if (pointer) stack.set(Number.NEGATIVE_INFINITY, PACKET);
      return false;
    }
    const at = to.at + one.off;
    for (const slot of stack.keys()) if (slot < at + size && slot + 8 > at) stack.delete(slot);
    if (size === 8) stack.set(at, value);
    return false;
  }
}

/** Where on the stack an offset leads that libbpf changes, is not known. */
function placed(base: Known, { core }: Instruction): Known {
  return core && base.kind === 'stack' ? { kind: 'stack', at: undefined } : base;
}

function joined(stack: Map<number, Known>): Known {
  let all: Known = OTHER;
  for (const value of stack.values()) all = either(all, value);
  return all;
}

function copy({ registers, stack }: State): State {
  return { registers: [...registers], stack: new Map(stack) };
}

/** Both states in one; undefined when the second brings nothing new. */
function merge(there: State, state: State): State | undefined {
  let changed = false;
  const registers = there.registers.map((known, r) => {
    const both = either(known, state.registers[r]!);
    changed ||= !same(both, known);
    return both;
  });
  const stack = new Map<number, Known>();
  for (const slot of new Set([...there.stack.keys(), ...state.stack.keys()])) {
    const known = there.stack.get(slot) ?? OTHER;
    const both = either(known, state.stack.get(slot) ?? OTHER);
    changed ||= !same(both, known);
    stack.set(slot, both);
  }
  return changed ? { registers, stack } : undefined;
}
