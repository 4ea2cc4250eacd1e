import { deepStrictEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { BpfObject, Elf, parseObject } from '@skep/bpf';
import { compile } from '../src/index.ts';
import { Folder } from './support.ts';

/** Constants of 16 and 7 bytes, one of them text, beside a string without a name and a parameter. */
const SOURCE = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
static const unsigned table[4] = { 3, 1, 2, 0 };
static const char letters[7] = "abcdef";
const volatile unsigned limit = 5;
SEC("socket")
int sum(struct __sk_buff *skb)
{
	unsigned at = skb->len;
	if (at > limit)
		bpf_printk("%d", at);
	return table[at & 3] + letters[at & 5];
}
`;

for (const clang of ['clang', 'clang-16', 'clang-19']) {
  test(`small constants stay where BTF says that they are: ${clang}`, async (t) => {
    using folder = new Folder();
    const { object, diagnostics } = await compile({ source: folder.write('small.c', SOURCE), clang });
    deepStrictEqual(diagnostics, '');
    const elf = Elf.parse(object);
    const placed = elf.symbols
      .filter((s) => ['table', 'letters', 'limit'].includes(s.name))
      .map((s) => [s.name, elf.sections[s.section]?.name]);
    deepStrictEqual(placed.sort(), [
      ['letters', '.rodata'],
      ['limit', '.rodata'],
      ['table', '.rodata'],
    ]);
    const { btf } = parseObject(object, 'small.o');
    const section = btf.find('.rodata', 'datasec');
    ok(section?.kind === 'datasec');
    const variables = section.variables.map((v) => btf.type(v.type).name);
    ok(
      ['table', 'letters', 'limit'].every((v) => variables.includes(v)),
      variables.join(),
    );
    if (process.getuid?.() !== 0) return t.diagnostic('not loaded: needs root');
    using loaded = BpfObject.open(object, { name: 'small.o' });
    await loaded.load();
  });
}

test('what was mended is the same wherever it is built', async () => {
  using a = new Folder();
  using b = new Folder();
  const first = await compile({ source: a.write('deep/small.c', SOURCE) });
  const second = await compile({ source: b.write('small.c', SOURCE) });
  deepStrictEqual(second.object, first.object);
});
