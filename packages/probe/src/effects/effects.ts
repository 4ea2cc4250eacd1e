import { type Btf, type Elf, lineInfo, type SourceLine, sourceLineAt } from '@skep/bpf';
import { type Code, CodeReader } from './code.ts';
import { type ContextShape, FlowReader } from './flow.ts';
import { CHANGING_HELPERS, DYNPTR_WRITE, LOOKING_KFUNCS, VERDICTS } from './tables.ts';

/** Something a program can do besides looking. */
export interface Effect {
  /** Completes "it …": `calls bpf_send_signal()`, `can return 1 (XDP_DROP), which would drop … packets`. */
  readonly what: string;
  /** Bytes into the section. */
  readonly offset: number;
  readonly section: string;
  /** From the object's line information. */
  readonly source?: SourceLine;
}

/** A program as far as its effects go. */
export interface EffectProgram {
  readonly name: string;
  readonly type: string;
}

const SHF_EXECINSTR = 4;

/** Kinds that exist to change something, whatever their code. */
const CHANGING_KINDS: Readonly<Record<string, string>> = {
  freplace: 'replaces a function of another program',
  struct_ops: "replaces the kernel's own functions",
  sk_msg: 'decides where messages go',
  sk_skb: 'decides where packets go',
  sk_reuseport: 'chooses the socket of a connection',
  lwt: 'decides where packets go',
  action: 'decides what becomes of packets',
};

const skb: ContextShape = { struct: '__sk_buff', packetAt: new Set([76, 80, 140]), own: [48, 68] };
const shapes: Readonly<Record<string, ContextShape>> = {
  xdp: { struct: 'xdp_md', packetAt: new Set([0, 4, 8]), own: [0, 0] },
  tc: skb,
  netkit: skb,
  cgroup_skb: skb,
  socket_filter: skb,
};
const plain: ContextShape = { packetAt: new Set(), own: [0, 0] };

/** Kinds whose context can be written: for others the verifier refuses it, of kprobes newer kernels the attachment. */
const writable: ReadonlySet<string> = new Set([
  ...Object.keys(shapes),
  'cgroup',
  'sock_ops',
  ...['uprobe', 'uretprobe', 'uprobe.multi', 'uretprobe.multi', 'uprobe.session', 'usdt'],
  'sk_lookup',
  'flow_dissector',
]);

/**
 * What the programs of an object can do besides looking, from their instructions alone. Errs on one side: a return value
 * that cannot be told counts as one that does something, and so does a kernel function that is not known to only look.
 *
 * ```ts
 * effectsOf(elf, btf, [{ name: 'filter', type: 'xdp' }]).get('filter');
 * // [{ what: 'can return 1 (XDP_DROP), which would drop, send back or redirect packets', … }]
 * ```
 */
export function effectsOf(
  elf: Elf,
  btf: Btf,
  programs: readonly EffectProgram[],
): ReadonlyMap<string, readonly Effect[]> {
  if (onlyLooks(elf, programs)) return new Map();
  const reader = new CodeReader(elf, btf);
  const out = new Map<string, readonly Effect[]>();
  for (const program of programs) {
    const code = reader.program(program.name);
    if (!code) continue;
    const found = new Map<string, Effect>();
    const add = (where: Code, offset: number, what: string) => {
      const section = where.section.name;
      if (!found.has(what)) found.set(what, { what, offset, section });
    };
    if (Object.hasOwn(CHANGING_KINDS, program.type)) add(code, code.start, CHANGING_KINDS[program.type]!);
    if (/\.w(\/|$)/.test(code.section.name))
      add(code, code.start, 'may write what its tracepoint hands over');
    const callbacks = callsOf(program, code, add);
    flowOf(program, code, callbacks, add);
    if (found.size > 0) out.set(program.name, [...found.values()]);
  }
  if (out.size === 0) return out;
  const lines = lineInfo(elf, btf);
  for (const [name, effects] of out)
    out.set(
      name,
      effects.map((e) => ({ ...e, source: sourceLineAt(lines.get(e.section) ?? [], e.offset) })),
    );
  return out;
}

/** What a program can do, and where, to end a sentence about it: `it calls bpf_send_signal(), at kill.c:7: …`. */
export function effectText([first, ...more]: readonly Effect[]): string {
  const { what, source, section, offset } = first!;
  const where = source
    ? `${source.file.split('/').at(-1)}:${source.line}: ${source.text}`
    : `instruction ${offset / 8} of section ${section}`;
  const others = more.length > 0 ? ` (and ${more.length} more like that)` : '';
  return `it ${what}${others}, at ${where}`;
}

/**
 * The short way for what most objects are: no program's kind lets it decide or write anything, and nowhere is a changing
 * helper or a kernel function called.
 */
function onlyLooks(elf: Elf, programs: readonly EffectProgram[]): boolean {
  const decides = ({ type }: EffectProgram) =>
    Object.hasOwn(VERDICTS, type) || Object.hasOwn(CHANGING_KINDS, type) || writable.has(type);
  if (programs.some(decides)) return false;
  // An undefined symbol may be a kernel function.
  if (elf.symbols.some((s) => s.section === 0 && s.name !== '')) return false;
  for (const section of elf.sections) {
    if ((section.flags & SHF_EXECINSTR) === 0) continue;
    if (/\.w(\/|$)/.test(section.name)) return false;
    const { data } = section;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    // Eight by eight: half of a 64-bit constant may stand before a function, in code that is never loaded.
    for (let at = 0; at + 8 <= data.length; at += 8) {
      if (data[at] !== 0x85) continue;
      const source = data[at + 1]! >> 4;
      if (source === 2 || (source === 0 && CHANGING_HELPERS.has(view.getInt32(at + 4, true)))) return false;
    }
  }
  return true;
}

/** Numbers of the helpers that a program calls, in its own code and in the functions that it reaches. */
export function helpersCalled(elf: Elf, program: string): ReadonlySet<number> {
  const code = new CodeReader(elf).program(program);
  const helpers = new Set<number>();
  const seen = new Set(code ? [code] : []);
  // Iteration goes on over what is added.
  for (const { instructions } of seen) {
    for (const one of instructions.values()) {
      if (one.callee) seen.add(one.callee);
      if (one.opcode === 0x85 && one.src === 0) helpers.add(one.imm);
    }
  }
  return helpers;
}

type Add = (code: Code, offset: number, what: string) => void;

/** Helpers and kernel functions, in all functions that the program reaches; returns those that are called back. */
function callsOf({ type }: EffectProgram, program: Code, add: Add): Code[] {
  const callbacks: Code[] = [];
  const seen = new Set([program]);
  // Iteration goes on over what is added.
  for (const code of seen) {
    for (const one of code.instructions.values()) {
      if (one.callee) {
        seen.add(one.callee);
        if (one.opcode === 0x18) callbacks.push(one.callee);
      }
      if (one.kfunc !== undefined && !looks(one.kfunc))
        add(code, one.offset, `calls ${one.kfunc || 'a kernel function'}(), which may change something`);
      if (one.opcode !== 0x85 || one.src !== 0) continue;
      const helper = CHANGING_HELPERS.get(one.imm);
      if (helper) add(code, one.offset, `calls ${helper}()`);
      if (one.imm === DYNPTR_WRITE && Object.hasOwn(shapes, type))
        add(code, one.offset, 'calls bpf_dynptr_write(), which may be to a packet');
    }
  }
  return callbacks;
}

function looks(name: string): boolean {
  return LOOKING_KFUNCS.some((known) => {
    const star = known.indexOf('*');
    if (star < 0) return known === name;
    return name.startsWith(known.slice(0, star)) && name.endsWith(known.slice(star + 1));
  });
}

/** What it returns and writes. */
function flowOf({ type }: EffectProgram, program: Code, callbacks: readonly Code[], add: Add): void {
  const verdicts = Object.hasOwn(VERDICTS, type) ? VERDICTS[type] : undefined;
  if (!verdicts && !writable.has(type)) return;
  const flow = new FlowReader(shapes[type] ?? plain, (code, offset, what) =>
    add(code, offset, what === 'packet' ? 'writes to the packet' : 'writes to its context'),
  );
  const { returned, exit } = flow.program(program);
  if (Object.hasOwn(shapes, type)) for (const callback of callbacks) flow.callback(callback);
  if (!verdicts || !returned) return;
  const { passing, names, effect } = verdicts;
  if (returned.kind !== 'numbers') {
    add(program, exit, `returns a value that cannot be told from its code, which might ${effect}`);
    return;
  }
  for (const [value, offset] of returned.numbers) {
    const code = Number(BigInt.asUintN(32, value));
    if (passing.has(code)) continue;
    const name = names[code] ? ` (${names[code]})` : '';
    add(program, offset, `can return ${code | 0}${name}, which would ${effect}`);
  }
}
