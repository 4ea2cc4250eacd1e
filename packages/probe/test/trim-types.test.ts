import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { BpfObject, type Btf, coreRelocations, Elf, lineInfo, parseObject, type SourceLine } from '@skep/bpf';
import { mergeLines } from '../src/clang/merge-lines.ts';
import { replaceSections, stripDwarf } from '../src/clang/strip.ts';
import { trimTypes } from '../src/clang/trim-types.ts';
import { build, Folder, tool } from './support.ts';

const SOURCE = `
typedef unsigned int u32; typedef unsigned long long u64;
static long (*probe_read)(void *, u32, const void *) = (void *)113;
#define CORE __attribute__((preserve_access_index))
struct far { int x, y, z; } CORE;
struct inner { u64 a; struct { int b; u32 low : 3, high : 5; }; int list[4]; struct far *far; } CORE;
struct sock { int pad[3]; struct inner in[2]; union { int u1; u64 u2; }; struct far *far; struct sock *next; char tail[]; } CORE;
struct whole { int w1; struct far *w2; int w3; } CORE;
struct own { int o1; int o2 __attribute__((btf_decl_tag("label"))); int o3; };
enum state { OPEN, SHUT };
struct { int (*type)[1]; int (*max_entries)[8]; u32 *key; struct own *value; } rows __attribute__((section(".maps"), used));
int counted;
#define AT(field) ({ __typeof__(field) v; probe_read(&v, sizeof(v), __builtin_preserve_access_index(&(field))); v; })
__attribute__((section("raw_tp/sys_enter"), used)) int run(u64 *ctx)
{
	struct sock *s = (void *)ctx[0];
	long n = 0;
	// This kernel has no such fields: what follows is dead there, and must be for the verifier too.
	if (!__builtin_preserve_field_info(s->u2, 2))
		return 0;
	n += AT(s->in[1].list[2]) + AT(s->in[1].b) + AT(s->u2) + AT(s->tail[5]);
	n += __builtin_preserve_field_info(s->in[1].high, 0) + __builtin_preserve_field_info(s->next->in[0].far, 2);
	n += __builtin_preserve_type_info(*(struct whole *)0, 0);
	n += __builtin_preserve_enum_value(*(enum state *)SHUT, 1);
	counted += n;
	return (long)&rows & 0;
}
char LICENSE[] __attribute__((section("license"))) = "GPL";
`;

const SHF_EXECINSTR = 4;

let whole: Uint8Array;
let trimmed: Uint8Array;

before(() => {
  using folder = new Folder();
  const object = join(folder.path, 'object.o');
  execFileSync('clang', [
    '-target',
    'bpf',
    '-g',
    '-O2',
    '-c',
    folder.write('source.c', SOURCE),
    '-o',
    object,
  ]);
  whole = stripDwarf(readFileSync(object));
  trimmed = trimTypes(whole);
});

/** What a relocation asks for, by names and places instead of numbers. */
function asked({ elf, btf }: { elf: Elf; btf: Btf }) {
  return coreRelocations(elf, btf).map(({ access, typeId, ...rest }) => {
    const names: (string | number)[] = [];
    let bits = 0;
    let at = btf.resolve(typeId);
    for (const index of access.split(':').slice(1).map(Number)) {
      if (at.kind === 'struct' || at.kind === 'union') {
        const member = at.members[index]!;
        names.push(member.name);
        bits += member.bitOffset;
        at = btf.resolve(member.type);
      } else if (at.kind === 'array') {
        names.push(index);
        at = btf.resolve(at.element);
      }
    }
    return { ...rest, typeId, names, bits, first: access.split(':')[0], is: btf.nameOf(at.id) };
  });
}

test('relocations ask for the same, and what nobody asks for is gone', () => {
  const [old, now] = [parseObject(whole, 'whole'), parseObject(trimmed, 'trimmed')];
  assert.deepEqual(asked(now), asked(old));
  assert.ok(asked(now).length >= 8);
  const members = (name: string): string[] => {
    const t = now.btf.find(name, 'struct');
    return t?.kind === 'struct' ? t.members.map((m) => m.name) : [];
  };
  assert.deepEqual(members('sock'), ['in', '', 'tail']);
  assert.deepEqual(members('inner'), ['', 'list', 'far']);
  assert.deepEqual(members('whole'), ['w1', 'w2', 'w3'], 'asked for as a whole');
  assert.deepEqual(members('own'), ['o1', 'o2', 'o3'], 'what a map holds');
  assert.equal(now.btf.sizeOf(now.btf.find('sock')!.id), old.btf.sizeOf(old.btf.find('sock')!.id));
  assert.equal(now.btf.count, old.btf.count, 'types keep their numbers');
  assert.deepEqual(now.btf.declTags(now.btf.find('own')!.id, 1), ['label']);
  assert.ok(trimmed.length < whole.length);
});

test('source lines, code and symbols stay; readelf and bpftool find no fault', () => {
  const [old, now] = [parseObject(whole, 'whole'), parseObject(trimmed, 'trimmed')];
  assert.deepEqual(lineInfo(now.elf, now.btf), lineInfo(old.elf, old.btf));
  const code = (o: Uint8Array) => tool(o, 'llvm-objdump', '-d', '-r', '{}').replace(/.*file format.*\n/, '');
  assert.equal(code(trimmed), code(whole));
  const variables = (btf: Btf) =>
    btf.ids('datasec').map((id) => {
      const t = btf.type(id);
      return t.kind === 'datasec' ? [t.name, t.size, t.variables] : [];
    });
  assert.deepEqual(variables(now.btf), variables(old.btf));
  tool(trimmed, 'llvm-readelf', '-a', '{}');
  assert.match(tool(trimmed, 'bpftool', 'btf', 'dump', 'file', '{}'), /STRUCT 'sock' size=\d+ vlen=3/);
  assert.deepEqual(trimTypes(trimmed), trimmed, 'a second time there is nothing more');
});

test('each instruction keeps its line, each function its first entry, and columns go', () => {
  const lineOf = (object: Uint8Array) => {
    const { elf, btf } = parseObject(object, 'lines');
    const all = lineInfo(elf, btf);
    const functions = elf.symbols.filter((s) => s.type === 'func');
    const starts = new Set(functions.map((s) => `${elf.sections[s.section]!.name} ${s.value}`));
    const at = (section: string, offset: number) => {
      const lines = all.get(section) ?? [];
      // Line 0 is none: clang's own instructions between two, which are then of the line before.
      const line = lines.findLast(
        (l) => l.offset <= offset && (l.line > 0 || starts.has(`${section} ${l.offset}`)),
      );
      return line && `${line.file}:${line.line} ${line.text}`;
    };
    const count = [...all.values()].flat().length;
    return {
      count,
      at,
      columns: [...all.values()].flat().filter((l) => l.column > 0).length,
      starts: new Set([...all].flatMap(([s, lines]) => lines.map((l) => `${s} ${l.offset}`))),
    };
  };
  const merged = mergeLines(trimmed);
  const [old, now] = [lineOf(trimmed), lineOf(merged)];
  const { elf } = parseObject(merged, 'merged');
  let instructions = 0;
  for (const { name, data } of elf.sections.filter((s) => s.flags & SHF_EXECINSTR)) {
    for (let at = 0; at < data.length; at += 8, instructions++)
      assert.equal(now.at(name, at), old.at(name, at), `${name} ${at}`);
  }
  assert.ok(instructions > 20 && now.count < old.count, `${old.count} entries became ${now.count}`);
  assert.ok(old.columns > 0);
  assert.equal(now.columns, 0);
  for (const s of elf.symbols.filter((s) => s.type === 'func'))
    assert.ok(now.starts.has(`${elf.sections[s.section]!.name} ${s.value}`), s.name);
  assert.deepEqual(asked(parseObject(merged, 'merged')), asked(parseObject(trimmed, 'trimmed')));
  assert.deepEqual(mergeLines(merged), merged, 'a second time there is nothing more');
});

test('libbpf makes the same of all, and the kernel takes it', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async () => {
  for (const bytes of [whole, trimmed, mergeLines(trimmed)]) {
    using object = BpfObject.open(bytes, { name: 'trim' });
    await object.load();
  }
});

test('lines of a source stay as they are, whatever their letters and their length', async () => {
  const line = (more: string) =>
    `SEC("raw_tp/sys_enter") int f(void *ctx) { return BPF_CORE_READ((struct task_struct *)ctx, pid); /* ${more} */ }`;
  for (const more of ['täglich – Ā 日', 'x'.repeat(5000)]) {
    const { elf, btf } = parseObject(await build(line(more)), 'line.o');
    const [{ text }] = lineInfo(elf, btf).get('raw_tp/sys_enter') as [SourceLine];
    assert.equal(text, line(more).slice(0, 4096));
  }
});

test('a section may have any number of lines', () => {
  const { elf } = parseObject(trimmed, 'object.o');
  const ext = elf.section('.BTF.ext')!.data;
  const view = new DataView(ext.buffer, ext.byteOffset, ext.byteLength);
  const header = view.getUint32(4, true);
  const functions = ext.subarray(header, header + view.getUint32(12, true));
  const name = view.getUint32(header + 4, true);
  const count = 200_000;
  const records = Array.from({ length: count }, (_, i) => [i * 8, 0, 0, i << 10]).flat();
  const lines = Buffer.from(Uint32Array.from([16, name, count].concat(records)).buffer);
  const places = Buffer.from(ext.subarray(0, header));
  for (const [i, n] of [0, functions.length, functions.length, lines.length, 0, 0].entries())
    places.writeUInt32LE(n, 8 + i * 4);
  const object = replaceSections(trimmed, new Map([['.BTF.ext', Buffer.concat([places, functions, lines])]]));
  assert.equal(
    Elf.parse(mergeLines(object)).section('.BTF.ext')!.size,
    header + functions.length + lines.length,
  );
});
