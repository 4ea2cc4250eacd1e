import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { KernelSymbols } from '@skep/bpf';
import { frameName, frameText, Symbols } from '@skep/bpf/symbols';
import { scratch } from './support/clang.ts';
import { stacked } from './support/stacked.ts';

const root = process.getuid?.() === 0 ? false : 'root reads what other processes have mapped';
const programs = join(import.meta.dirname, 'programs');
const C_STACK = ['leaf', 'through_library', 'outer', 'main'];

function gcc(name: string, ...flags: string[]): string {
  const to = join(scratch, name);
  execFileSync('gcc', ['-O1', '-fno-omit-frame-pointer', '-fno-optimize-sibling-calls', '-o', to, ...flags]);
  return to;
}

/** addr2line's answer for an address of a running program: where its file is mapped is read from its maps. */
function addr2line(pid: number, file: string, address: bigint): string {
  const line = readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .find((l) => l.endsWith(file) && l.includes(' 00000000 '))!;
  const headers = execFileSync('readelf', ['-lW', file], { encoding: 'utf8' });
  const first = BigInt(/LOAD\s+0x0+\s+(0x[0-9a-f]+)/.exec(headers)![1]!);
  const at = address - BigInt(`0x${line.split('-')[0]}`) + first;
  return execFileSync('addr2line', ['-f', '-e', file, `0x${at.toString(16)}`], { encoding: 'utf8' }).split(
    '\n',
  )[0]!;
}

const source = join(programs, 'stack.c');
const shapes: [string, string[]][] = [
  ['pie', ['-pie', source]],
  ['fixed', ['-no-pie', source]],
  ['static', ['-static', source]],
  ['static-pie', ['-static-pie', source]],
];
for (const [name, flags] of shapes) {
  test(`functions of a C program: ${name}`, { skip: root }, async () => {
    const file = gcc(name, ...flags);
    await using program = await stacked(file);
    using symbols = new Symbols();
    const frames = symbols.user(program.pid, program.addresses);
    deepStrictEqual(frames.map(frameName), C_STACK);
    frames.forEach((frame, i) => {
      strictEqual(frame.module, name);
      strictEqual(frame.name, addr2line(program.pid, file, frame.address - (i > 0 ? 1n : 0n)));
    });
    strictEqual(frameText(frames[0]!), `leaf+0x4 (${name})`);
  });
}

test('a shared library, and a program that was stripped', { skip: root }, async () => {
  const library = gcc('libthrough.so', '-shared', '-fPIC', join(programs, 'library.c'));
  const file = gcc('stripped', '-DLIBRARY', source, library, `-Wl,-rpath,${scratch}`, '-s');
  await using program = await stacked(file);
  using symbols = new Symbols();
  const texts = symbols.user(program.pid, program.addresses).map(frameText);
  // `outer` is not exported, so that nobody knows it any more: where it is in the file is still true.
  match(texts[0]!, /^\[unknown\] \(stripped\+0x[0-9a-f]+\)$/);
  match(texts[1]!, /^through_library\+0x[0-9a-f]+ \(libthrough\.so\)$/);
  match(texts[3]!, /^\[unknown\] \(stripped\+0x[0-9a-f]+\)$/);
});

test('symbols in a separate debug file, by build id', { skip: root }, async () => {
  const file = gcc('separate', '-Wl,--build-id', source);
  const id = /Build ID: (\w+)/.exec(execFileSync('readelf', ['-n', file], { encoding: 'utf8' }))![1]!;
  const folder = `/usr/lib/debug/.build-id/${id.slice(0, 2)}`;
  const debug = `${folder}/${id.slice(2)}.debug`;
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync('objcopy', ['--only-keep-debug', file, debug]);
    execFileSync('strip', [file]);
    await using program = await stacked(file);
    using symbols = new Symbols();
    deepStrictEqual(symbols.user(program.pid, program.addresses).map(frameName), C_STACK);
  } finally {
    rmSync(debug, { force: true });
  }
});

test('a program whose file is gone, and one that has ended since it was seen', { skip: root }, async () => {
  const file = gcc('gone', source);
  const program = await stacked(file);
  using symbols = new Symbols();
  unlinkSync(file);
  const seen = symbols.remember(program.pid);
  await program[Symbol.asyncDispose]();
  deepStrictEqual(symbols.user(program.pid, program.addresses).map(frameName), C_STACK);
  // As it would be if this process had the other's id by now.
  deepStrictEqual(symbols.user(process.pid, program.addresses, seen).map(frameName), C_STACK);
  using late = new Symbols();
  const [first] = late.user(program.pid, program.addresses);
  strictEqual(frameText(first!), `[unknown] (0x${program.addresses[0]!.toString(16)})`);
});

const unshare = spawnSync('unshare', ['-m', 'true']).status === 0 ? root : 'needs unshare -m';
test('a program in a mount namespace with a root of its own', { skip: unshare }, async () => {
  const inner = join(scratch, 'root');
  mkdirSync(join(inner, 'app'), { recursive: true });
  cpSync(gcc('contained', '-static', source), join(inner, 'app/contained'));
  // Another file of the same name in our own root must not be taken for it.
  const script = `mount -t tmpfs none ${inner}/app/../mnt && cp ${inner}/app/contained ${inner}/mnt/only-inside && exec chroot ${inner} /mnt/only-inside`;
  mkdirSync(join(inner, 'mnt'));
  await using program = await stacked('unshare', ['-m', 'sh', '-c', script]);
  using symbols = new Symbols();
  const frames = symbols.user(program.pid, program.addresses);
  deepStrictEqual(frames.map(frameName), C_STACK);
  strictEqual(frames[0]!.module, 'only-inside');
});

const noGo = spawnSync('go', ['version']).status === 0 ? root : 'needs Go';
for (const [name, flags] of [
  ['go-full', []],
  ['go-stripped', ['-ldflags=-s -w']],
  ['go-pie', ['-buildmode=pie', '-ldflags=-s -w']],
] as const) {
  test(`functions of a Go program: ${name}`, { skip: noGo }, async () => {
    const file = join(scratch, name);
    const env = {
      ...process.env,
      CGO_ENABLED: '0',
    };
    execFileSync('go', ['build', ...flags, '-o', file, join(programs, 'main.go')], { env });
    await using program = await stacked(file);
    using symbols = new Symbols();
    const frames = symbols.user(program.pid, program.addresses);
    deepStrictEqual(frames.map(frameName).slice(0, 4), [
      'main.leaf',
      'main.(*Worker).Run',
      'main.main',
      'runtime.main',
    ]);
    deepStrictEqual(new Set(frames.map((f) => f.kind)), new Set(['go']));
  });
}

test('what Node compiled, by its perf map: its own /tmp, its own process ids', {
  skip: unshare,
}, async () => {
  const script = `
    function hotOne(n) { let s = 0; for (let i = 0; i < n; i++) s += Math.sqrt(i) * i; return s; }
    let s = 0; for (let i = 0; i < 200; i++) s += hotOne(20000 + i);
    const text = require('fs').readFileSync('/tmp/perf-' + process.pid + '.map', 'latin1');
    const line = text.split('\\n').filter((l) => / (JS:)?\\S*hotOne/.test(l)).pop();
    const [start, size] = line.split(' ');
    console.log((BigInt('0x' + start) + 1n).toString(16));
    console.log('end');
    process.stdin.resume();
  `;
  // The checkout may lie in /tmp: Node is opened before another one is mounted there.
  const inner = 'exec 9<"$1" && shift && mount -t tmpfs none /tmp && cd / && exec /proc/self/fd/9 "$@"';
  const node = [process.execPath, '--perf-basic-prof', '-e', script];
  await using program = await stacked('unshare', ['-m', '-p', '-f', 'sh', '-c', inner, 'sh', ...node]);
  const pid = Number(readFileSync(`/proc/${program.pid}/task/${program.pid}/children`, 'latin1').trim());
  using symbols = new Symbols();
  const [frame] = symbols.user(pid, program.addresses);
  strictEqual(frame!.kind, 'jit');
  match(frameText(frame!), /^\S*hotOne.*\+0x1 \(jit\)$/);
});

test('the kernel’s functions, as /proc/kallsyms has them', { skip: root }, () => {
  using symbols = new Symbols();
  const read = () => readFileSync('/proc/kallsyms', 'latin1').split('\n');
  const rows = read()
    .map((line) => /^([0-9a-f]{16}) [tT] (\S+)(?:\t(\[\S+\]))?$/.exec(line))
    .filter((row) => row !== null);
  const names = new Map<string, Set<string>>();
  for (const [, at, name] of rows) names.set(at!, (names.get(at!) ?? new Set()).add(name!));
  const asked = rows.filter((_, i) => i % 97 === 0);
  const frames = asked.map(([, at]) => symbols.kernel([BigInt(`0x${at}`)])[0]!);
  // Programs come and go, and one may be now where another was: what is there before and after has stayed.
  const after = new Set(read());
  let compared = 0;
  for (const [i, [line, at, , module]] of asked.entries()) {
    const frame = frames[i]!;
    if (frame.name === undefined || !after.has(line)) continue;
    ok(names.get(at!)!.has(frame.name), `${frame.name} at ${at}`);
    strictEqual(frame.module, module);
    strictEqual(frame.offset, 0);
    compared++;
  }
  ok(compared > asked.length / 2, `${compared} compared`);
  strictEqual(symbols.kernelHidden, false);
});

test('the kernel’s page in every process', { skip: root }, () => {
  using symbols = new Symbols();
  const line = readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .find((l) => l.endsWith('[vdso]'));
  if (!line) return;
  const base = BigInt(`0x${line.split('-')[0]}`);
  const frames = symbols.user(
    process.pid,
    Array.from({ length: 256 }, (_, i) => base + BigInt(i * 16)),
  );
  ok(
    frames.some((f) => /clock_gettime/.test(f.name ?? '')),
    'clock_gettime is in it',
  );
  ok(frames.every((f) => f.module === '[vdso]'));
});

test('the kernel’s page in a process that has ended', { skip: root }, async () => {
  using symbols = new Symbols();
  const child = spawn('sleep', ['60']);
  const pid = child.pid!;
  const [line] = /^.*\[vdso\]$/m.exec(readFileSync(`/proc/${pid}/maps`, 'latin1')) ?? [];
  const seen = symbols.remember(pid);
  child.kill('SIGKILL');
  await once(child, 'exit');
  if (!line) return;
  const base = BigInt(`0x${line.split('-')[0]}`);
  const addresses = Array.from({ length: 256 }, (_, i) => base + BigInt(i * 16));
  ok(symbols.user(pid, addresses, seen).some((f) => /clock_gettime/.test(f.name ?? '')));
});

test('caches are bounded: an address is named again after its module had to leave', {
  skip: root,
}, async () => {
  const file = gcc('bounded', source);
  await using one = await stacked(file);
  await using two = await stacked(gcc('bounded-2', '-static', source));
  using symbols = new Symbols({ modules: 1, processes: 1 });
  for (let i = 0; i < 3; i++) {
    deepStrictEqual(symbols.user(one.pid, one.addresses).map(frameName), C_STACK);
    deepStrictEqual(symbols.user(two.pid, two.addresses).map(frameName), C_STACK);
  }
});

test('the text of /proc/kallsyms: functions, modules, what is hidden and what is damaged', () => {
  const table = new KernelSymbols(
    Buffer.from(
      '0000000000000000 T hidden\nffffffff81000100 t b\nffffffff81000000 T a\nffffffff82000000 D data\n' +
        'ffffffffc0000000 t x\t[mod]\n\ngarbage\nffffffff81000100 t b_again\nfffffffXX1000100 t c\nffffffffc0000100 W w',
    ),
  );
  deepStrictEqual(table.find(0xffffffff81000000n), { name: 'a', module: undefined, offset: 0 });
  deepStrictEqual(table.find(0xffffffff810000ffn), { name: 'a', module: undefined, offset: 0xff });
  deepStrictEqual(table.find(0xffffffff81000100n), { name: 'b', module: undefined, offset: 0 });
  deepStrictEqual(table.find(0xffffffffc0000010n), { name: 'x', module: '[mod]', offset: 0x10 });
  deepStrictEqual(table.find(0xffffffffc0000101n), { name: 'w', module: undefined, offset: 1 });
  for (const nowhere of [0x10n, 0n, 0xffffffff80ffffffn, 0xffffffff9fffffffn]) {
    strictEqual(table.find(nowhere), undefined);
  }
  strictEqual(table.hidden, false);
  strictEqual(new KernelSymbols(Buffer.from('0000000000000000 T a\n')).hidden, true);
  strictEqual(new KernelSymbols(Buffer.alloc(0)).hidden, false);
});
