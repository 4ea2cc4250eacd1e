// Names are found by a hash of their bytes: here those of a kernel and of a module are compared with a look at each.
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { essentialName } from '../src/core-relo/names.ts';
import { Btf, storedKernel, storedKernels } from '../src/index.ts';

const kept = storedKernels()[0];

test('types of a kernel are found by name and kind', {
  skip: kept === undefined && 'no facts of kernels are kept: node test/kernels/facts.ts',
}, () => {
  const btf = storedKernel(kept!)!.btf!;
  const named = new Map<string, number[]>();
  for (let id = 1; id < btf.count; id++) {
    const name = btf.nameAt(id);
    const ids = named.get(name);
    if (ids) ids.push(id);
    else named.set(name, [id]);
  }
  named.delete('');
  for (const [name, ids] of [...named].filter((_, i) => i % 97 === 0)) {
    strictEqual(btf.find(name)?.id, ids[0], name);
    const kind = btf.kind(ids.at(-1)!);
    strictEqual(
      btf.find(name, kind)?.id,
      ids.find((id) => btf.kind(id) === kind),
      `${kind} ${name}`,
    );
    deepStrictEqual(btf.flavours(name), ids, name);
  }
  strictEqual(btf.find('skep_no_such_type'), undefined);
  deepStrictEqual(btf.flavours('skep_no_such_type'), []);
});

/** BTF of forward declarations; a number is a string of the base. */
function declarations(names: readonly (string | number)[], base?: Btf, firstString = 0): Btf {
  let strings = base ? '' : '\0';
  const offsets = names.map((name) => {
    if (typeof name === 'number') return name;
    const at = firstString + strings.length;
    strings += `${name}\0`;
    return at;
  });
  const bytes = Buffer.alloc(24 + names.length * 12 + strings.length);
  bytes.writeUInt16LE(0xeb9f, 0);
  bytes[2] = 1;
  bytes.writeUInt32LE(24, 4);
  bytes.writeUInt32LE(names.length * 12, 12);
  bytes.writeUInt32LE(names.length * 12, 16);
  bytes.writeUInt32LE(strings.length, 20);
  offsets.forEach((offset, i) => {
    bytes.writeUInt32LE(offset, 24 + i * 12);
    bytes.writeUInt32LE(7 << 24, 28 + i * 12);
  });
  bytes.write(strings, 24 + names.length * 12, 'latin1');
  return Btf.parse(bytes, base);
}

const NAMES = [
  'outer',
  'outer___a',
  'two',
  'outer___a___b',
  'a____b',
  '___x',
  'outer___b',
  'outer__c',
  'x___',
];

test('flavours are those that libbpf takes for them', () => {
  const btf = declarations(NAMES);
  for (const name of [...NAMES, 'a', 'outer__', 'nothing']) {
    const meant = NAMES.flatMap((n, i) => (n === name || essentialName(n) === name ? [i + 1] : []));
    deepStrictEqual(btf.flavours(name), meant, name);
  }
});

test('a type of a module is found, also when the kernel has its name among its strings', () => {
  const kernel = declarations(['member']);
  const module = declarations([1, 'own', 'member___new'], kernel, '\0member\0'.length);
  deepStrictEqual(module.flavours('member'), [1, 2, 4]);
  deepStrictEqual(module.flavours('own'), [3]);
});
