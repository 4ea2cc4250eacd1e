// The read-only resolver answers as libbpf does, on whatever kernel this runs.
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite, test } from 'node:test';
import { fixture } from '../../../test/support/fixtures.ts';
import { CoreResolver, coreRelocations, patchInstruction } from '../src/core-relo/index.ts';
import { type BpfError, BpfObject, Btf, parseObject } from '../src/index.ts';

const root = join(import.meta.dirname, '../../..');
const skip = process.getuid?.() !== 0 && 'loading needs root';

/** What libbpf did to an instruction, by program and number of the instruction in it. */
function patchesOf(log: string): Map<string, string> {
  const out = new Map<string, string>();
  for (const line of log.split('\n')) {
    const m = /prog '(.*)': relo #(\d+): (patched|substituting) insn #(\d+) (.*)/.exec(line);
    if (!m) continue;
    const [, program, relo, , insn, rest] = m;
    const key = `${program} insn ${insn} relo ${relo}`;
    // Of a 64-bit constant libbpf makes the second half invalid first.
    const what = /imm64|imm|off|mem_sz|invalid/.exec(rest!)![0];
    // Of a 64-bit constant libbpf makes the second half invalid first.
    if (what === 'invalid') out.delete(`${program} insn ${Number(insn) + 1} relo ${relo}`);
    const value = /-> (\d+)/.exec(rest!)?.[1] ?? '';
    out.set(key, [out.get(key), `${what} ${value}`.trim()].filter(Boolean).join(', '));
  }
  return out;
}

/** The same from our side. */
function ourPatches(bytes: Uint8Array, name: string): Map<string, string> {
  const { elf, btf } = parseObject(bytes, name);
  const resolver = new CoreResolver(btf, Btf.kernel());
  const code = new Map(elf.sections.map((s) => [s.name, new Uint8Array(s.data)]));
  const out = new Map<string, string>();
  for (const relocation of coreRelocations(elf, btf)) {
    const { section, offset, index } = relocation;
    const at = elf.sections.findIndex((s) => s.name === section);
    const program = elf.symbols.find(
      (s) => s.type === 'func' && s.section === at && s.value <= offset && offset < s.value + s.size,
    )!;
    const resolution = resolver.resolve(relocation);
    const bytes = code.get(section)!;
    const before = bytes[offset]!;
    const patched = patchInstruction(bytes, resolution);
    const key = `${program.name} insn ${(offset - program.value) / 8} relo ${index}`;
    if (patched.state !== 'patched' || resolution.state !== 'value') {
      out.set(key, patched.state === 'invalid' ? 'invalid' : `${patched.state}`);
      continue;
    }
    const { value, size } = resolution;
    const kind = before & 7;
    const what = kind === 0 ? 'imm64' : kind === 4 || kind === 7 ? 'imm' : 'off';
    // libbpf prints an immediate as a signed number of 32 bits.
    out.set(
      key,
      `${what} ${what === 'imm' ? BigInt.asIntN(32, value) : value}${bytes[offset] === before ? '' : `, mem_sz ${size}`}`,
    );
  }
  return out;
}

async function loadLog(bytes: Uint8Array, name: string): Promise<string> {
  using object = BpfObject.open(bytes, { name });
  try {
    await object.load({ logLevel: 1 });
    return object.loadLog;
  } catch (error) {
    // A program that this kernel refuses was relocated all the same.
    return (error as BpfError).log ?? '';
  }
}

suite('CO-RE relocations are answered as libbpf answers them', { skip }, () => {
  const sources = [
    join(import.meta.dirname, 'core-relo.bpf.c'),
    ...globSync('probes/*/*.c', { cwd: root }).map((f) => join(root, f)),
  ];
  for (const source of sources) {
    test(basename(source), async (t) => {
      const bytes = await fixture(source);
      const log = await loadLog(bytes, basename(source, '.c'));
      const theirs = patchesOf(log);
      const ours = ourPatches(bytes, basename(source));
      for (const [key, value] of theirs) assert.equal(`${key}: ${ours.get(key)}`, `${key}: ${value}`);
      if (theirs.size === 0) return t.skip(`nothing to compare: ${log.slice(-200)}`);
      assert.deepEqual(
        [...ours.keys()].filter((key) => !theirs.has(key)),
        [],
      );
    });
  }
});
