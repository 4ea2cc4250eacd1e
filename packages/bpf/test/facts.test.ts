// What is read out of lists of functions and out of facts that are kept; that they are a kernel's own, facts.kernel.test.ts sees.
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { hasSymbol, kernelFunctions } from '../src/facts/functions.ts';
import { parseVersion } from '../src/facts/running.ts';
import { storedKernel, storedKernelAhead, storedKernels } from '../src/index.ts';

test('functions: those that ftrace lists, less the blacklist; variants are not the function itself', () => {
  const functions = kernelFunctions({
    symbols: [
      '0000000000000000 T plain',
      '0000000000000000 t helper.isra.0',
      '0000000000000000 t helper.constprop.0.cold',
      '0000000000000000 t twice',
      '0000000000000000 t twice\t[nfs]',
      '0000000000000000 T notrace_one',
      '0000000000000000 T forbidden',
      '0000000000000000 D variable',
      '',
    ].join('\n'),
    traceable: 'plain\nhelper.isra.0\ntwice\ntwice [nfs]\nforbidden\n',
    blacklist: '0x0000000000000000-0x0000000000000000\tforbidden\n',
  });
  const names = ['plain', 'plai', 'helper', 'helper.isra.0', 'twice', 'notrace_one', 'forbidden', 'variable'];
  deepStrictEqual(
    names.map((name) => functions.look(name)),
    ['traceable', 'absent', 'absent', 'traceable', 'traceable', 'untraceable', 'untraceable', 'absent'],
  );
  strictEqual(functions.look('forbidden', 'ftrace'), 'traceable', 'the list is for kprobes');
  deepStrictEqual(
    ['pla*', 'p?ain', 'helper.isra*', 'notrace*', 'none*'].map((p) => functions.anyTraceable?.(p)),
    [true, true, true, false, false],
  );
  const unlisted = kernelFunctions({ symbols: '0 T plain\n0 t of_module\t[nfs]\n' });
  deepStrictEqual(
    ['pla*', 'of_*', 'none*'].map((p) => unlisted.anyTraceable?.(p)),
    [undefined, false, false],
  );
  deepStrictEqual(functions.variants('helper'), ['helper.constprop.0.cold', 'helper.isra.0']);
  deepStrictEqual(functions.symbol('twice'), { count: 2, static: true });
  deepStrictEqual(functions.symbol('plain'), { count: 1, static: false });
  strictEqual(kernelFunctions({ symbols: '0 T plain\n' }).look('plain'), 'unknown', 'nobody knows');
});

test('functions: one that ftrace lists by another name can be hooked by its own', () => {
  const functions = kernelFunctions({
    symbols: [
      'ffffffff810000a0 t __do_sys_getpid',
      'ffffffff810000a0 T __ia32_sys_getpid',
      'ffffffff810000a0 T __x64_sys_getpid',
      'ffffffff810000b0 T notrace_one',
      'ffffffff810000b0 T notrace_two',
      '',
    ].join('\n'),
    traceable: '__do_sys_getpid\n',
  });
  const names = ['__x64_sys_getpid', '__do_sys_getpid', 'notrace_one'];
  deepStrictEqual(
    names.map((name) => [functions.look(name), functions.alias?.(name)]),
    [
      ['traceable', '__do_sys_getpid'],
      ['traceable', undefined],
      ['untraceable', undefined],
    ],
  );
});

test('symbols of any sort, modules and names that LTO made longer', () => {
  const text = '0 T plain\n0 d data\n0 t of_module\t[nfs]\n0 t long.llvm.123\n';
  for (const name of ['plain', 'data', 'of_module']) strictEqual(hasSymbol(text, name), true, name);
  for (const name of ['plai', 'lain', 'nfs', '']) strictEqual(hasSymbol(text, name), false, name);
  strictEqual(hasSymbol(text, 'long'), undefined, 'it depends on libbpf');
});

const kept = storedKernels()[0];
test('functions of a kernel that is kept: by the types, by name alone, by what the compiler made of them', {
  skip: kept === undefined && 'no facts of kernels are kept: node test/kernels/facts.ts',
}, () => {
  const { functions, btf } = storedKernel(kept!)!;
  strictEqual(functions!.look('vfs_read'), 'traceable');
  deepStrictEqual(functions!.symbol('vfs_read'), { static: false, count: 1 });
  strictEqual(functions!.look('skep_is_not_in_a_kernel'), 'absent');
  strictEqual(functions!.symbol('vfs_rea'), undefined, 'part of a name');
  deepStrictEqual(functions!.variants(''), []);
  strictEqual(functions!.anyTraceable?.('vfs_rea?'), true);
  strictEqual(functions!.anyTraceable?.('skep_is_not_*'), false);
  // Each of the first and last functions of the types finds its own letter.
  const ids = btf!.ids('func');
  for (const id of [...ids.slice(0, 20), ...ids.slice(-20)]) {
    const name = btf!.nameAt(id);
    strictEqual(functions!.look(name) !== 'absent' || functions!.symbol(name) === undefined, true, name);
  }
});

test('functions of kernels that are kept: second names, of which ftrace lists another', () => {
  const looked = (kernel: string, name: string) => {
    const { functions } = storedKernel(kernel)!;
    return [functions!.look(name), functions!.look(name, 'ftrace'), functions!.alias?.(name)];
  };
  for (const kernel of ['5.10', '6.1', '6.12', '7.2'])
    deepStrictEqual(
      looked(kernel, '__x64_sys_getpid'),
      ['traceable', 'traceable', '__do_sys_getpid'],
      kernel,
    );
  // The compiler made one function of two that do the same.
  deepStrictEqual(looked('7.2', 'thermal_genl_event_tz_trip_up'), [
    'traceable',
    'traceable',
    'thermal_genl_event_tz_trip_down',
  ]);
  strictEqual(storedKernel('7.2')!.functions!.look('skep_is_not_in_a_kernel'), 'absent');
});

test('versions: Debian keeps the true one beside the release', () => {
  deepStrictEqual(parseVersion('6.1.0-26-cloud-amd64', '#1 SMP Debian 6.1.112-1 (2024-09-30)'), [6, 1, 112]);
  deepStrictEqual(parseVersion('6.18.44-fc', '#1 SMP PREEMPT_DYNAMIC @0'), [6, 18, 44]);
  deepStrictEqual(parseVersion('7.2-rc3', ''), [7, 2, 0]);
});

test('the facts of a kernel that are unpacked on other threads are the same', {
  skip: kept === undefined && 'none are kept',
}, async () => {
  const [ahead, here] = [(await storedKernelAhead(kept!))!, storedKernel(kept!)!];
  deepStrictEqual(ahead.version, here.version);
  strictEqual(ahead.btf!.count, here.btf!.count);
  strictEqual(ahead.functions!.look('vfs_read'), 'traceable');
  strictEqual(await storedKernelAhead('0.1'), undefined);
});
