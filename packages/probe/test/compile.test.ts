import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Btf, Elf, lineInfo } from '@skep/bpf';
import { vmlinuxHeader } from '../src/clang/vmlinux.ts';
import { splitWords } from '../src/clang/words.ts';
import { compile, findClang, headerDirs, type ProbeError } from '../src/index.ts';
import { Folder, PROGRAM, tool } from './support.ts';

const SOURCE = `#include "skep.h"
#include "skep_filter.h"
#include "own.h"
char LICENSE[] SEC("license") = "GPL";
SKEP_HASH(counter_calls, struct own, __u64, 16);
SEC("raw_tp/sys_enter") int calls(void *ctx) {
  struct own key = { .file = __FILE__[0] };
  if (!skep_watched()) return 0;
  skep_add(&counter_calls, &key, 1);
  return 0;
}
`;

function sha(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

test('the same input gives the same bytes, whatever its folder, the working directory and the way it is named', async () => {
  using a = new Folder();
  using b = new Folder();
  const first = a.write('deep/down/probe.c', SOURCE);
  a.write('deep/down/own.h', 'struct own { char file; };\n');
  const second = b.write('probe.c', SOURCE);
  b.write('include/own.h', 'struct own { char file; };\n');
  const here = process.cwd();
  const digests = new Set<string>();
  try {
    digests.add(sha((await compile({ source: first })).object));
    process.chdir(join(a.path, 'deep'));
    digests.add(sha((await compile({ source: 'down/probe.c' })).object));
    process.chdir(join(a.path, 'deep/down'));
    digests.add(sha((await compile({ source: 'probe.c', color: true })).object));
    symlinkSync(join(a.path, 'deep'), join(b.path, 'link'));
    digests.add(sha((await compile({ source: join(b.path, 'link/down/probe.c') })).object));
  } finally {
    process.chdir(here);
  }
  assert.equal(digests.size, 1);
  const fromElsewhere = await compile({ source: second, cflags: [`-I ${join(b.path, 'include')}`] });
  assert.ok(Elf.parse(fromElsewhere.object).section('.BTF'));
});

test('source lines of the program and of headers are kept for the verifier, and DWARF is not', async () => {
  using folder = new Folder();
  folder.write('own.h', 'struct own { char file; };\n');
  const { object } = await compile({ source: folder.write('probe.c', SOURCE) });
  const elf = Elf.parse(object);
  assert.deepEqual(
    elf.sections.filter((s) => s.name.startsWith('.debug')),
    [],
  );
  const lines = tool(object, 'strings', '-a', '{}');
  assert.match(lines, /^ {2}skep_add\(&counter_calls, &key, 1\);$/m);
  assert.match(lines, /return skep_in\(target_pid, bpf_get_current_pid_tgid\(\) >> 32\)/);
  assert.match(lines, /^\.\/src\/probe\.c$/m);
  assert.doesNotMatch(lines, /\/tmp\/|\/usr\/|skep-build/);
  assert.ok([...lineInfo(elf, Btf.fromElf(elf))].length > 0);
});

test('relative folders of --cflags count from the working directory, and quotes hold words together', async () => {
  using folder = new Folder();
  const source = folder.write(
    'probe.c',
    `#include "skep.h"\n#include "more.h"\n#include <less.h>\n${PROGRAM}\nint x = MORE + LESS + FIRST + sizeof(TEXT) + sizeof(va_list);`,
  );
  folder.write('inc/more.h', '#define MORE 1\n');
  folder.write('sys/less.h', '#define LESS 2\n');
  folder.write('first.h', '#define FIRST 3\n');
  const here = process.cwd();
  process.chdir(folder.path);
  try {
    // Of what is included first, one lies here, and the other where the compiler has its own.
    const cflags = ['-Iinc', '-isystem sys', `'-DTEXT="a b"'`, '-include first.h', '-include stdarg.h'];
    assert.equal((await compile({ source, cflags })).diagnostics, '');
  } finally {
    process.chdir(here);
  }
});

test('flags are split as a shell splits them', () => {
  assert.deepEqual(splitWords(`  -DA=1  '-DB=two words' "-DC=\\"x\\"" -DD=\\ y `), [
    '-DA=1',
    '-DB=two words',
    '-DC="x"',
    '-DD= y',
  ]);
  assert.deepEqual(splitWords(`a'b'"c" ''`), ['abc', '']);
  assert.deepEqual(splitWords(''), []);
});

test('errors come through with the path as it was given, with colours only when asked for', async () => {
  using folder = new Folder();
  folder.write('sub/own.h', 'struct own { unknown x; };\n');
  folder.write('sub/probe.c', '#include "own.h"\nint main(void) { return nope; }\n');
  const here = process.cwd();
  process.chdir(folder.path);
  try {
    for (const color of [false, true]) {
      const error = await compile({ source: 'sub/probe.c', color }).then(
        () => assert.fail('it compiled'),
        (e: ProbeError) => e,
      );
      assert.equal(error.code, 'SKEP_COMPILE');
      assert.match(error.message, /^sub\/probe\.c does not compile \(2 errors, clang \d+/);
      const plain = (error.log ?? '').replace(/\x1b\[[0-9;]*[mK]/g, '');
      assert.match(plain, /^In file included from sub\/probe\.c:1:$/m);
      assert.match(plain, /^sub\/own\.h:1:\d+: error: unknown type name 'unknown'/m);
      assert.match(plain, /^sub\/probe\.c:2:\d+: error: use of undeclared identifier 'nope'/m);
      assert.equal(plain !== error.log, color);
      assert.doesNotMatch(plain, /skep-build|src\//);
    }
    process.chdir('sub');
    for (const source of ['probe.c', 'überwachung (2).c']) {
      folder.write(`sub/${source}`, '\nint main(void) { return nope; }\n');
      const error = await compile({ source }).catch((e: ProbeError) => e);
      const lines = ((error as ProbeError).log ?? '').split('\n');
      assert.ok(
        lines.some((line) => line.startsWith(`${source}:2:`)),
        lines.join('\n'),
      );
    }
  } finally {
    process.chdir(here);
  }
});

test('nothing is left in the temporary folder, also after an error', async () => {
  using folder = new Folder();
  using temporary = new Folder();
  const before = process.env.TMPDIR;
  process.env.TMPDIR = temporary.path;
  try {
    await assert.rejects(compile({ source: folder.write('bad.c', 'nope') }));
    await compile({ source: folder.write('good.c', `#include "skep.h"\n${PROGRAM}`) });
    assert.deepEqual(readdirSync(temporary.path), []);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
});

test('a compiler, a source or a platform that is not there is one sentence', async () => {
  using folder = new Folder();
  const source = folder.write('probe.c', PROGRAM);
  const code = (e: ProbeError): string => e.code;
  assert.equal(await compile({ source, clang: '/no/clang' }).catch(code), 'SKEP_CLANG_MISSING');
  assert.equal(await compile({ source, clang: '/bin/true' }).catch(code), 'SKEP_CLANG_MISSING');
  assert.equal(await compile({ source: '/no/such.c' }).catch(code), 'SKEP_SOURCE');
  assert.equal(await compile({ source: folder.path }).catch(code), 'SKEP_SOURCE');
  const e: ProbeError = await compile({ source, cpu: 'v9' }).catch((e) => e);
  assert.match(
    `${e.code} ${e.message} ${e.hint}`,
    /^SKEP_COMPILE .* does not compile \(clang [\d.]+\)\. .*--mcpu v9/,
  );
  assert.equal(await compile({ source, platform: 'linux/vax' }).catch(code), 'SKEP_PLATFORM');
  assert.equal(await compile({ source, vmlinux: '/no/vmlinux.h' }).catch(code), 'SKEP_VMLINUX');
});

test('SKEP_CLANG names the compiler, and other versions are taken with a warning', async () => {
  using folder = new Folder();
  const fake = folder.write('fake', '#!/bin/sh\necho "Debian clang version 27.1.3 (3)"\n');
  chmodSync(fake, 0o755);
  process.env.SKEP_CLANG = fake;
  try {
    const clang = await findClang();
    assert.deepEqual([clang.path, clang.major, clang.version], [fake, 27, '27.1.3']);
    assert.match(clang.warning ?? '', /27\.1\.3 is newer than what skep is tested with \(14 to 19\)/);
  } finally {
    delete process.env.SKEP_CLANG;
  }
  assert.equal((await findClang()).warning, undefined);
});

test('another platform wants a vmlinux.h of its own, but a program without kernel types does not', async () => {
  using folder = new Folder();
  const other = process.arch === 'arm64' ? 'linux/amd64' : 'linux/arm64';
  const needs = folder.write('needs.c', `#include "skep.h"\n${PROGRAM}`);
  const error = await compile({ source: needs, platform: other }).catch((e: ProbeError) => e);
  assert.equal((error as ProbeError).code, 'SKEP_VMLINUX');
  assert.match((error as ProbeError).message, new RegExp(other));
  const without = folder.write(
    'without.c',
    '__attribute__((section("xdp"), used)) int pass(void *ctx) { return 2; }',
  );
  assert.ok((await compile({ source: without, platform: other })).object.length > 0);
});

test('a vmlinux.h of the user, or one beside the source, goes before ours', async () => {
  using folder = new Folder();
  const own = folder.write('types/any-name.h', 'typedef unsigned int __u32; struct only_here { int x; };\n');
  const text =
    '#include "vmlinux.h"\nstruct only_here only;\n__attribute__((section("xdp"), used)) int pass(void *ctx) { return only.x; }';
  assert.ok((await compile({ source: folder.write('a.c', text), vmlinux: own })).object.length > 0);
  folder.write('b/vmlinux.h', 'struct only_here { int x; };\n');
  assert.ok((await compile({ source: folder.write('b/b.c', text) })).object.length > 0);
});

test('vmlinux.h is made once a kernel, kept whole, and made again when the types differ', async () => {
  using folder = new Folder();
  const platform = { name: 'linux/amd64', targetArch: 'x86', native: true };
  let made = 0;
  const dump = async (btf: string): Promise<string> => `/* ${++made} ${btf} */`;
  const btf = folder.write('btf', 'types');
  const options = { platform, dump, btf, cache: join(folder.path, 'cache') };
  const path = await vmlinuxHeader(options);
  utimesSync(path, 1, 1);
  assert.equal(await vmlinuxHeader(options), path);
  assert.equal(statSync(path).mtimeMs, 1000);
  folder.write('btf', 'other types');
  assert.notEqual(await vmlinuxHeader(options), path);
  assert.equal(made, 2);
  folder.write('btf', 'yet other types');
  const paths = await Promise.all(Array.from({ length: 5 }, () => vmlinuxHeader(options)));
  assert.equal(new Set(paths).size, 1);
  assert.deepEqual(
    readdirSync(join(folder.path, 'cache/vmlinux')).filter((n) => n.endsWith('.tmp')),
    [],
  );
  const none = await vmlinuxHeader({ ...options, btf: '/no/btf' }).catch((e: ProbeError) => e.code);
  assert.equal(none, 'SKEP_VMLINUX');
  mkdirSync(join(folder.path, 'file'));
  const blocked = folder.write('blocked', '');
  const full = await vmlinuxHeader({ ...options, cache: blocked }).catch((e: ProbeError) => e);
  assert.match((full as ProbeError).message, /cannot be written to/);
});

test('the headers are found', () => {
  const dirs = headerDirs();
  assert.ok(statSync(join(dirs.skep, 'skep.h')).isFile());
  assert.ok(statSync(join(dirs.libbpf, 'bpf/bpf_helpers.h')).isFile());
});
