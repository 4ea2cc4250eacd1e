/**
 * A program, with whatever it calls, has 512 bytes of stack (MAX_BPF_STACK), each frame rounded up to 32. Newer
 * kernels round less and count less, so what one of them loads another may refuse: here it is counted as Linux 5.10 does, in
 * check_max_stack_depth() of kernel/bpf/verifier.c, of all rungs at once.
 */
import { deepStrictEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { type ElfRelocation, instructionAt, lengthOf, parseObject } from '@skep/bpf';
import { IMAGES, readImage } from '../src/images/images.ts';

const MAX_BPF_STACK = 512;
const FRAME_POINTER = 10;
/** BPF_PSEUDO_CALL: the source register of a call to another function of the object. */
const CALLS = 1;
const [CALL, LOAD, MOVE, ADD] = [0x85, 0x18, 0xbf, 0x07];
const [LDX, ST, STX] = [1, 2, 3];
const SHF_EXECINSTR = 4;

interface Frame {
  bytes: number;
  readonly calls: Set<string>;
}

/** What each function has on its stack, and what it calls, by section and offset. */
function framesOf(object: Uint8Array): { frames: Map<string, Frame>; programs: Map<string, string> } {
  const { elf } = parseObject(object, 'probe');
  const frames = new Map<string, Frame>();
  const programs = new Map<string, string>();
  for (const section of elf.sections.filter((s) => s.flags & SHF_EXECINSTR)) {
    const starts = elf.symbols.filter((s) => s.type === 'func' && s.section === section.index);
    for (const { name, value } of starts)
      if (section.name !== '.text') programs.set(name, `${section.index}:${value}`);
    const relocations = new Map<number, ElfRelocation>(elf.relocations(section).map((r) => [r.offset, r]));
    const begins = new Set(starts.map((s) => s.value));
    const copies = new Set<number>();
    let frame: Frame = { bytes: 0, calls: new Set() };
    for (let at = 0; at < section.data.length; ) {
      if (begins.has(at)) {
        frame = { bytes: 0, calls: new Set() };
        frames.set(`${section.index}:${at}`, frame);
      }
      const ins = instructionAt(section.data, at)!;
      const { opcode, destination: dst, source: src, offset, immediate: imm } = ins;
      const kind = opcode & 7;
      const base = kind === LDX ? src : kind === ST || kind === STX ? dst : -1;
      if (base === FRAME_POINTER) frame.bytes = Math.max(frame.bytes, -offset);
      if (opcode === ADD && copies.has(dst)) frame.bytes = Math.max(frame.bytes, -imm);
      if (opcode === MOVE && src === FRAME_POINTER) copies.add(dst);
      else if (opcode === MOVE || opcode === ADD || kind === LDX) copies.delete(dst);
      const named = relocations.get(at)?.symbol;
      // An undefined symbol is a function of the kernel.
      if (opcode === CALL && src === CALLS && named?.section !== 0)
        frame.calls.add(
          !named
            ? `${section.index}:${at + 8 + imm * 8}`
            : `${named.section}:${named.type === 'section' ? (imm + 1) * 8 : named.value}`,
        );
      else if (opcode === LOAD && named && elf.sections[named.section]?.name === '.text')
        frame.calls.add(`${named.section}:${named.type === 'section' ? imm : named.value}`);
      at += lengthOf(opcode);
    }
  }
  return { frames, programs };
}

function deepest(frames: ReadonlyMap<string, Frame>, at: string): number {
  const frame = frames.get(at);
  if (!frame) throw new Error(`no function begins at ${at}`);
  const own = Math.ceil(Math.max(1, frame.bytes) / 32) * 32;
  return own + Math.max(0, ...[...frame.calls].map((callee) => deepest(frames, callee)));
}

test('no program of the agent needs more stack than Linux 5.10 gives it', (t) => {
  const tooDeep: Record<string, number> = {};
  let most = 0;
  for (const probe of IMAGES) {
    const { frames, programs } = framesOf(readImage(probe).bytes);
    ok(programs.size > 0, probe);
    for (const [name, at] of programs) {
      const bytes = deepest(frames, at);
      most = Math.max(most, bytes);
      if (bytes > MAX_BPF_STACK) tooDeep[`${probe} ${name}`] = bytes;
    }
  }
  t.diagnostic(`the deepest has ${most} of ${MAX_BPF_STACK} bytes`);
  deepStrictEqual(tooDeep, {});
});
