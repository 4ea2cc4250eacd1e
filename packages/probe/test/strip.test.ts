import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Elf, lineInfo } from '@skep/bpf';
import { stripDwarf } from '../src/clang/strip.ts';
import { ProbeError } from '../src/index.ts';
import { Folder, tool } from './support.ts';

const SOURCE = `
struct event { int a; char b[3]; };
struct { int (*type)[1]; struct event *value; } map __attribute__((section(".maps"), used));
const volatile int parameter = 3;
int counted;
static __attribute__((noinline)) int helper(int x) { return x * parameter; }
__attribute__((section("raw_tp/a"), used)) int a(void *ctx) { counted += helper(1); return (long)&map; }
__attribute__((section("raw_tp/b"), used)) int b(void *ctx) { return helper(2); }
`;

function compiled(folder: Folder): Uint8Array {
  const source = folder.write('source.c', SOURCE);
  const object = join(folder.path, 'object.o');
  execFileSync('clang', ['-target', 'bpf', '-g', '-O2', '-c', source, '-o', object]);
  return readFileSync(object);
}

test('what is left is what the llvm tools and bpftool see before and after', () => {
  using folder = new Folder();
  const before = compiled(folder);
  const after = stripDwarf(before);
  assert.ok(after.length < before.length * 0.7);
  const code = (o: Uint8Array): string => tool(o, 'llvm-objdump', '-d', '-r', '--no-show-raw-insn', '{}');
  assert.equal(code(after).replace(/.*file format.*\n/, ''), code(before).replace(/.*file format.*\n/, ''));
  const types = (o: Uint8Array): string => tool(o, 'bpftool', 'btf', 'dump', 'file', '{}');
  assert.equal(types(after), types(before));
  const symbols = (o: Uint8Array): string[] =>
    tool(o, 'llvm-readelf', '-s', '-W', '{}')
      .split('\n')
      .filter((l) => /OBJECT|FUNC/.test(l))
      .map((l) => l.trim().split(/\s+/).toSpliced(6, 1).slice(1).join(' '));
  assert.deepEqual(symbols(after), symbols(before));
  const lines = (o: Uint8Array) => lineInfo(Elf.parse(o));
  assert.deepEqual(lines(after), lines(before), 'what relocations of .BTF.ext would add is 0');
  assert.doesNotMatch(tool(after, 'llvm-readelf', '-r', '{}'), /\.rel\.BTF\.ext/);
  assert.doesNotMatch(tool(after, 'llvm-readelf', '-s', '-W', '{}'), / LBB/);
  // Every header field is where readelf expects it: it complains on stderr and fails otherwise.
  tool(after, 'llvm-readelf', '-a', '{}');
});

test('stripping twice changes nothing more, and the input stays as it was', () => {
  using folder = new Folder();
  const before = compiled(folder);
  const copy = before.slice();
  const once = stripDwarf(before);
  assert.deepEqual(before, copy);
  assert.deepEqual(stripDwarf(once), once);
  assert.deepEqual(
    Elf.parse(once)
      .sections.map((s) => s.name)
      .filter((n) => n.startsWith('.debug') || n.includes('addrsig')),
    [],
  );
});

test('what is no object is refused', () => {
  assert.throws(
    () => stripDwarf(Buffer.from('hello')),
    (e) => e instanceof ProbeError && e.code === 'SKEP_OBJECT_INVALID',
  );
});
