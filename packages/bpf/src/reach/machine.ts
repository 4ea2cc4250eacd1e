import { accessSize, CLASS, type Instruction, PSEUDO } from './instruction.ts';
import { compute, MAX64, number, sameValue, UNKNOWN, type Value } from './value.ts';

/** What the analysis must know of the object and of the kernel. */
export interface World {
  /** The bytes of a data section that stays as it is once loaded (`.rodata`), with parameters set; else undefined. */
  constantData(section: string): Uint8Array | undefined;
  /** Where a 64-bit constant of the object points, by its section and byte: data, an extern, a function. */
  pointer(section: string, at: number): Value | undefined;
  /** What an instruction gives when nobody knows it, though it looks like a constant. */
  uncertain(section: string, at: number): boolean;
  /** The value of a kconfig extern of so many bytes, or undefined when nobody knows. */
  extern(name: string, size: number): bigint | undefined;
  /** Whether a context of this program holds plain numbers only. */
  readonly plainContext: boolean;
}

/** Helpers whose result the verifier takes for any number: pid_tgid, uid_gid, times, cgroup id, task, random. */
const ANY_NUMBER = new Set([5, 7, 14, 15, 35, 80, 125]);
/** Helpers that give an address or 0: map_lookup_elem, ringbuf_reserve. */
const NULLABLE = new Set([1, 131]);

/** for_each_map_elem, timer_set_callback, find_vma, loop, user_ringbuf_drain. */
const CALLS_BACK = new Set([164, 170, 180, 181, 209]);

/** BPF_OP of a move. */
const MOVE = 11;

let roots = 0;

interface Slot {
  readonly size: number;
  readonly value: Value;
}

/** Registers and stack at one place of a program. */
export class Machine {
  readonly registers: Value[];
  /** What 8 bytes or fewer of the stack hold, by offset from the frame's end. Copies share it until one writes. */
  #stack: Map<number, Slot>;
  #shared = false;

  constructor(registers?: readonly Value[], stack: Map<number, Slot> = new Map()) {
    this.registers = registers ? registers.slice() : new Array<Value>(11).fill(UNKNOWN);
    this.#stack = stack;
  }

  /** The stack, to be written. */
  get #own(): Map<number, Slot> {
    if (this.#shared) this.#stack = new Map(this.#stack);
    this.#shared = false;
    return this.#stack;
  }

  /** A function's start: what it is called with, and an empty stack. */
  static entry(args: readonly Value[]): Machine {
    const m = new Machine();
    for (let i = 0; i < 5; i++) {
      const value = args[i] ?? UNKNOWN;
      // Another function's stack is not this one's.
      m.registers[i + 1] = value.kind === 'stack' ? UNKNOWN : value;
    }
    m.registers[10] = { kind: 'stack', offset: 0 };
    return m;
  }

  copy(): Machine {
    const copy = new Machine(this.registers, this.#stack);
    this.#shared = copy.#shared = true;
    return copy;
  }

  /** Keeps only what both know; says whether that changed this one. */
  join(other: Machine): boolean {
    let changed = false;
    for (let i = 0; i < 11; i++) {
      if (this.registers[i]!.kind === 'unknown' || sameValue(this.registers[i]!, other.registers[i]!))
        continue;
      this.registers[i] = UNKNOWN;
      changed = true;
    }
    if (this.#stack === other.#stack) return changed;
    for (const [at, slot] of this.#stack) {
      const theirs = other.#stack.get(at);
      if (theirs && theirs.size === slot.size && sameValue(theirs.value, slot.value)) continue;
      this.#own.delete(at);
      changed = true;
    }
    return changed;
  }

  /** Runs an instruction that neither jumps nor calls. */
  step(ins: Instruction, world: World, section: string, at: number): void {
    const { opcode, destination } = ins;
    if (world.uncertain(section, at)) {
      this.registers[destination] = UNKNOWN;
      return;
    }
    switch (opcode & 7) {
      case CLASS.ld:
        // The old packet loads (ABS, IND) give r0 and take the registers of a call.
        if (opcode === 0x18) this.registers[destination] = constant(ins, world, section, at);
        else this.#clobber();
        break;
      case CLASS.ldx:
        this.registers[destination] = this.#load(ins, world);
        break;
      case CLASS.st:
      case CLASS.stx:
        this.#store(ins);
        break;
      default: {
        const left = this.registers[destination]!;
        // A number is made of the immediate only where it can lead to one.
        if (left.kind === 'unknown' && opcode >> 4 !== MOVE) break;
        const right = (opcode & 8) !== 0 ? this.registers[ins.source]! : number(ins.immediate);
        this.registers[destination] = compute(opcode, ins.offset, left, right);
      }
    }
  }

  /** A call that comes back: of a helper, a kernel function, or a function of the object. */
  call(ins: Instruction): void {
    for (let i = 1; i <= 5; i++) {
      const v = this.registers[i]!;
      if (v.kind !== 'stack') continue;
      // A helper writes behind the pointer; a function of the object may know more pointers.
      const all = ins.source !== 0 || CALLS_BACK.has(ins.immediate);
      for (const slot of this.#stack.keys()) if (all || slot >= v.offset) this.#own.delete(slot);
    }
    this.#clobber();
    if (ins.source !== 0) return;
    if (ANY_NUMBER.has(ins.immediate))
      this.registers[0] = { kind: 'any', root: ++roots, low: 0n, high: MAX64 };
    if (NULLABLE.has(ins.immediate)) this.registers[0] = { kind: 'nullable', root: ++roots };
  }

  /** After a jump that depended on a value: everything of its root is no longer free. */
  spend(value: Value, becomes: Value): void {
    if (value.kind !== 'any' && value.kind !== 'nullable') return;
    const of = (v: Value): Value => {
      if (sameValue(v, value)) return becomes;
      const rooted = v.kind === 'any' || v.kind === 'raised' || v.kind === 'nullable';
      return rooted && v.root === value.root ? UNKNOWN : v;
    };
    for (let i = 0; i < 10; i++) this.registers[i] = of(this.registers[i]!);
    for (const [at, slot] of this.#stack) {
      const now = of(slot.value);
      if (now !== slot.value) this.#own.set(at, { ...slot, value: now });
    }
  }

  #clobber(): void {
    for (let i = 0; i <= 5; i++) this.registers[i] = UNKNOWN;
  }

  #load(ins: Instruction, world: World): Value {
    const from = this.registers[ins.source]!;
    const size = accessSize(ins.opcode);
    const mode = ins.opcode & 0xe0;
    if (mode !== 0x60 && mode !== 0x80) return UNKNOWN;
    const signed = mode === 0x80;
    switch (from.kind) {
      case 'data': {
        const bytes = world.constantData(from.section);
        if (!bytes) return signed ? UNKNOWN : anything(size);
        const at = from.offset + ins.offset;
        return at >= 0 && at + size <= bytes.length ? number(integer(bytes, at, size, signed)) : UNKNOWN;
      }
      case 'address': {
        const value = from.extern === undefined ? undefined : world.extern(from.extern, size);
        return value === undefined || ins.offset !== 0 ? UNKNOWN : number(value);
      }
      case 'stack': {
        const slot = this.#stack.get(from.offset + ins.offset);
        return slot && slot.size === size && !signed ? slot.value : UNKNOWN;
      }
      case 'memory':
        return signed ? UNKNOWN : anything(size);
      case 'context':
        return world.plainContext && !signed ? anything(size) : UNKNOWN;
      default:
        return UNKNOWN;
    }
  }

  #store(ins: Instruction): void {
    const to = this.registers[ins.destination]!;
    if (to.kind === 'unknown' && this.#stack.size > 0) this.#own.clear();
    if (to.kind !== 'stack') return;
    const size = accessSize(ins.opcode);
    const at = to.offset + ins.offset;
    for (const [slot, { size: length }] of this.#stack)
      if (slot < at + size && at < slot + length) this.#own.delete(slot);
    if ((ins.opcode & 0xe0) !== 0x60) return;
    const value = (ins.opcode & 7) === CLASS.st ? number(ins.immediate) : this.registers[ins.source]!;
    const whole = size === 8 || value.kind === 'number';
    const kept = value.kind === 'number' ? number(BigInt.asUintN(size * 8, value.value)) : value;
    if (whole) this.#own.set(at, { size, value: kept });
  }
}

function constant(ins: Instruction, world: World, section: string, at: number): Value {
  const pointer = world.pointer(section, at);
  if (pointer) return pointer;
  if (ins.source === 0) return number((BigInt(ins.high >>> 0) << 32n) | BigInt(ins.immediate >>> 0));
  return ins.source === PSEUDO.func ? { kind: 'address' } : UNKNOWN;
}

function anything(size: number): Value {
  return { kind: 'any', root: ++roots, low: 0n, high: (1n << BigInt(size * 8)) - 1n };
}

function integer(bytes: Uint8Array, at: number, size: number, signed: boolean): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i]!);
  return signed ? BigInt.asIntN(size * 8, value) : value;
}
