import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite, test } from 'node:test';
import { fixture } from '../../../test/support/fixtures.ts';
import {
  Btf,
  CoreResolver,
  coreRelocations,
  minimalBtf,
  parseObject,
  type Resolution,
} from '../src/index.ts';
import { scratch } from './support/clang.ts';

const root = join(import.meta.dirname, '../../..');
const skip = !existsSync('/sys/kernel/btf/vmlinux') && 'this kernel has no types to make smaller';

/** A relocation's answer, less what names the whole kernel's BTF. */
function told(r: Resolution): string {
  const value = r.state === 'value' ? `${r.value} ${r.size} ${r.localSize} ${r.misfit}` : '';
  return `${r.relocation.section} ${r.relocation.index} ${r.subject}: ${r.state} ${value}`;
}

suite('a minimal BTF', { skip }, () => {
  const sources = [join(import.meta.dirname, 'core-relo.bpf.c'), ...globSync('probes/*/*.c', { cwd: root })];
  test("answers every relocation as the kernel's own, and as bpftool's", async () => {
    const files = sources.map((s) => (s.startsWith('/') ? s : join(root, s)));
    const objects = await Promise.all(
      files.map(async (path) => {
        const bytes = await fixture(path);
        const file = join(scratch, `${basename(path)}.o`);
        writeFileSync(file, bytes);
        return { file, ...parseObject(bytes, basename(path)) };
      }),
    );
    const small = minimalBtf(Btf.kernel(), objects);
    const theirs = join(scratch, 'bpftool.btf');
    const paths = objects.map((o) => o.file);
    execFileSync('bpftool', ['gen', 'min_core_btf', '/sys/kernel/btf/vmlinux', theirs, ...paths]);
    for (const { elf, btf: local, file } of objects) {
      // Ids are those of the BTF at hand; they are of no use without the kernel's own.
      const relocations = coreRelocations(elf, local).filter((r) => r.kind !== 'type_id_target');
      const answers = (btf: Btf) => {
        const resolver = new CoreResolver(local, btf);
        return relocations.map((r) => told(resolver.resolve(r)));
      };
      const whole = answers(Btf.kernel());
      assert.deepEqual(answers(Btf.parse(small)), whole, file);
      assert.deepEqual(answers(Btf.parse(readFileSync(theirs))), whole, file);
    }
    assert.ok(small.length < 40_000, `${small.length} bytes`);
  });

  test('is BTF that bpftool reads', async () => {
    const bytes = await fixture(join(import.meta.dirname, 'core-relo.bpf.c'));
    const file = join(scratch, 'minimal.btf');
    writeFileSync(file, minimalBtf(Btf.kernel(), [parseObject(bytes, 'core-relo.o')]));
    const text = execFileSync('bpftool', ['btf', 'dump', 'file', file, 'format', 'c'], { encoding: 'utf8' });
    assert.match(text, /struct task_struct \{/);
    assert.match(text, /real_parent/);
  });
});
