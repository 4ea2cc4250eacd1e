// The resolver over damaged input, and what clang 14 cannot ask for. That it answers as libbpf does is tested in
// core-relo.kernel.test.ts.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BpfError, Btf, CoreResolver, coreRelocations, parseObject } from '../src/index.ts';
import { compileBpf } from './support/clang.ts';

const source = `
struct inner { int a; unsigned long b; };
struct outer { struct { int x; union { struct inner in; long y; }; }; int list[4]; } __attribute__((preserve_access_index));
enum color { RED, GREEN = 5 };
long sink;
__attribute__((section("raw_tp"), used)) int p(struct outer *o) {
  sink += o->in.b; sink += o->list[2];
  sink += __builtin_preserve_type_info(*(struct outer *)0, 0);
  sink += __builtin_preserve_enum_value(*(enum color *)GREEN, 0);
  return 0;
}`;
const { bytes } = compileBpf(source, ['-g', '-target', 'bpf']);
const object = parseObject(bytes, 'test.o');
const relocations = coreRelocations(object.elf, object.btf);

test('over its own types an object gets what the compiler wrote', () => {
  const resolver = new CoreResolver(object.btf, object.btf);
  assert.ok(relocations.length >= 4);
  for (const r of relocations) {
    const answer = resolver.resolve(r);
    assert.equal(answer.state, 'value', answer.subject);
    if (answer.state === 'value' && answer.expected !== undefined)
      assert.equal(answer.value, answer.expected);
  }
});

test('a type matches itself, and another one does not', () => {
  const resolver = new CoreResolver(object.btf, object.btf);
  const exists = relocations.find((r) => r.kind === 'type_exists')!;
  const asked = resolver.resolve({ ...exists, kind: 'type_matches' });
  assert.equal(asked.state === 'value' && asked.value, 1n);
  const other = parseObject(
    compileBpf(source.replace('int list[4]', 'int list[5]'), ['-g', '-target', 'bpf']).bytes,
    'other.o',
  );
  const differs = new CoreResolver(object.btf, other.btf).resolve({ ...exists, kind: 'type_matches' });
  assert.equal(differs.state === 'value' && differs.value, 0n);
});

suite('damaged input ends with an error that says so', () => {
  const typed = (e: unknown) => e instanceof BpfError && e.code === 'SKEP_BTF_INVALID';
  test('access strings that lead nowhere', () => {
    const resolver = new CoreResolver(object.btf, object.btf);
    const field = relocations.find((r) => r.kind === 'field_byte_offset')!;
    for (const access of ['', '0:99', '0:0:0:0:0:0', 'x', '0:', '-1', `0${':0'.repeat(70)}`])
      assert.throws(() => resolver.resolve({ ...field, access }), typed, access);
    assert.throws(() => resolver.resolve({ ...field, typeId: 9999 }), typed);
  });

  test('every byte of .BTF.ext and of the types, changed', () => {
    const section = object.elf.section('.BTF.ext')!;
    const start = Buffer.from(bytes).indexOf(section.data);
    for (const [from, length, step] of [
      [start, section.data.length, 1],
      [
        Buffer.from(bytes).indexOf(object.elf.section('.BTF')!.data),
        object.elf.section('.BTF')!.data.length,
        3,
      ],
    ] as const) {
      for (let at = from; at < from + length; at += step) {
        const changed = new Uint8Array(bytes);
        changed[at]! ^= 0x5a;
        try {
          const { elf, btf } = parseObject(changed, 'changed.o');
          const resolver = new CoreResolver(btf, object.btf);
          for (const r of coreRelocations(elf, btf)) resolver.resolve(r);
        } catch (e) {
          assert.ok(e instanceof BpfError, `byte ${at - from}: ${e}`);
        }
      }
    }
  });

  test('flavours are found by name, whatever their number of underscores', () => {
    assert.deepEqual(object.btf.flavours('no_such_type'), []);
    const id = Btf.fromElf(object.elf).find('outer', 'struct')!.id;
    assert.deepEqual(object.btf.flavours('outer'), [id]);
  });
});
