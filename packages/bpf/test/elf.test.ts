import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Elf } from '../src/elf/elf.ts';
import { BpfError, type BpfErrorCode } from '../src/errors.ts';
import { compileBpf } from './support/clang.ts';
import { KITCHEN_SINK } from './support/kitchen-sink.ts';

const object = compileBpf(KITCHEN_SINK);
const failure = (code: BpfErrorCode, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof BpfError);
  assert.equal(error.code, code);
  assert.match(error.message, message);
  assert.ok(error.hint.length > 0);
  return true;
};

/** Rows of `readelf`, from another author: [index, name, size in bytes]. */
function readelf(flag: string, row: RegExp): string[][] {
  const out = execFileSync('readelf', [flag, object.path], { encoding: 'utf8' });
  return [...out.matchAll(row)].map((m) => m.slice(1));
}

test('sections and symbols are those that readelf reads', () => {
  const elf = Elf.parse(object.bytes);
  const sections = readelf('-SW', /^ +\[ *(\d+)\] (\S*) +\S+ +[0-9a-f]{16} [0-9a-f]+ ([0-9a-f]+) /gm);
  assert.ok(sections.length > 20);
  assert.deepEqual(
    elf.sections.map((s) => [s.index, s.name, s.size]),
    sections.map(([index, name, size]) => [Number(index), name, Number.parseInt(size!, 16)]),
  );
  const symbols = readelf(
    '-sW',
    /^ +\d+: ([0-9a-f]{16}) +(\d+) ([A-Z]+) +([A-Z]+) +DEFAULT +(\S+) ?(\S*)$/gm,
  );
  assert.ok(symbols.length > 20);
  const indexOf = (text: string) => (text === 'UND' ? 0 : text === 'ABS' ? 0xfff1 : Number(text));
  assert.deepEqual(
    elf.symbols.map((s) => [
      s.value,
      s.size,
      s.type.toUpperCase(),
      s.binding.toUpperCase(),
      s.section,
      s.name,
    ]),
    symbols.map(([value, size, type, binding, section, name]) => [
      Number.parseInt(value!, 16),
      Number(size),
      type,
      binding,
      indexOf(section!),
      name,
    ]),
  );
  assert.equal(elf.section('.maps')?.size, 168);
  assert.equal(elf.section('.nothing'), undefined);
});

test('what is no ELF file is called so', () => {
  assert.throws(() => Elf.parse(new Uint8Array(0)), failure('SKEP_ELF_INVALID', /empty/));
  assert.throws(() => Elf.parse(Buffer.from('int main() {}')), failure('SKEP_ELF_INVALID', /magic/));
  assert.throws(() => Elf.parse(object.bytes.subarray(0, 40)), failure('SKEP_ELF_INVALID', /header/));
  assert.throws(
    () => Elf.parse(object.bytes.subarray(0, 3000)),
    failure('SKEP_ELF_INVALID', /ends after the file/),
  );
});

test('objects for another machine are named', () => {
  assert.throws(() => Elf.parse(readFileSync(process.execPath)), failure('SKEP_ELF_MACHINE', /x86-64/));
  const big = compileBpf('int x;', ['-g', '-target', 'bpfeb']);
  assert.throws(() => Elf.parse(big.bytes), failure('SKEP_ELF_ENDIAN', /big-endian \(bpf\)/));
  const small = compileBpf('int x;', ['-target', 'i386-linux-gnu']);
  assert.throws(() => Elf.parse(small.bytes), failure('SKEP_ELF_MACHINE', /i386, 32-bit/));
  const arm = compileBpf('int x;', ['-target', 'aarch64-linux-gnu']);
  assert.throws(() => Elf.parse(arm.bytes), failure('SKEP_ELF_MACHINE', /arm64/));
});

test('parsing leaves the bytes alone', () => {
  const before = Buffer.from(object.bytes);
  Elf.parse(object.bytes);
  assert.ok(before.equals(object.bytes));
});

test('symbols that share one long name cost no memory', () => {
  const elf = Elf.parse(object.bytes);
  const table = elf.sections.find((s) => s.name === '.symtab')!;
  const strings = elf.sections[table.link]!;
  // A megabyte of symbols behind the file, all of them named from within 4000 letters without an end.
  const count = 40_000;
  const forged = Buffer.alloc(object.bytes.length + count * 24 + 4096);
  forged.set(object.bytes);
  const header = Number(forged.readBigUInt64LE(40));
  const symbols = object.bytes.length;
  const letters = symbols + count * 24;
  forged.fill('a', letters, letters + 4000);
  for (const [index, start, size] of [
    [table.index, symbols, count * 24],
    [strings.index, letters, 4096],
  ] as const) {
    forged.writeBigUInt64LE(BigInt(start), header + index * 64 + 24);
    forged.writeBigUInt64LE(BigInt(size), header + index * 64 + 32);
  }
  // Sections take their own names from the same table here: move those out of the way.
  for (let i = 0; i < elf.sections.length; i++) forged.writeUInt32LE(4010, header + i * 64);
  assert.throws(() => Elf.parse(forged), failure('SKEP_ELF_INVALID', /overlap/));
});
