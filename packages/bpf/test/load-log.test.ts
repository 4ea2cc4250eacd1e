// What libbpf 1.1 said of objects that it gave up, as it was seen, and what is made of it.
import { deepStrictEqual, match } from 'node:assert/strict';
import { test } from 'node:test';
import type { NativeError } from '../src/native.ts';
import { loadError } from '../src/object/load-error.ts';
import { readLoadLog } from '../src/object/load-log.ts';
import type { BpfObject } from '../src/object/object.ts';

const END = "libbpf: failed to load object 'probe'\n";
const errorOf = (log: string) =>
  loadError(
    { name: 'probe.o', programs: [], maps: [] } as unknown as BpfObject,
    Object.assign(new Error('load'), { errno: 22, log: log + END }) as NativeError,
  );

test('externs of another type are not said to be missing', () => {
  deepStrictEqual(
    readLoadLog(
      `libbpf: extern (func ksym) 'bpf_task_release': func_proto [5] incompatible with kernel [48532]\n${END}`,
    ),
    { kind: 'extern-type', what: 'the kernel\'s function "bpf_task_release"' },
  );
  match(
    errorOf(
      "libbpf: extern (kcfg) 'CONFIG_HZ': value '250' implies integer type\nlibbpf: error parsing system Kconfig line 'CONFIG_HZ': -22\n",
    ).message,
    /^probe\.o takes CONFIG_HZ, which is 250 here, for something of another type$/,
  );
});

test('a table of functions that the kernel has not is named', () => {
  const { code, message } = errorOf(
    'libbpf: struct_ops init_kern: struct sched_ext_ops is not found in kernel BTF\n',
  );
  deepStrictEqual(
    [code, message],
    ['SKEP_RELOCATION', 'probe.o needs struct sched_ext_ops, which this kernel does not have'],
  );
});

test('a variable of the kernel, or its configuration, that cannot be found is named, and what to do', () => {
  const variable = errorOf("libbpf: extern 'init_task' (strong): not resolved\n");
  deepStrictEqual(
    [variable.code, variable.message],
    ['SKEP_RELOCATION', 'probe.o needs the kernel symbol "init_task", which this kernel does not have'],
  );
  match(variable.hint, /__weak and ask if \(&init_task\) first/);
  const option = errorOf("libbpf: extern 'CONFIG_NOPE' (strong): not resolved\n");
  match(option.message, /needs the kernel's configuration option CONFIG_NOPE,/);
  const file = errorOf('libbpf: failed to open system Kconfig\n');
  match(file.message, /needs the kernel's configuration \(/);
  match(file.hint, /\/boot\/config-RELEASE/);
});

test('a program that a map is to hold, and that is not loaded, is named', () => {
  const { code, message } = errorOf(
    "libbpf: map 'calls': failed to initialize slot [4] to prog 'last_call' fd=-2: -9\n",
  );
  deepStrictEqual(
    [code, message],
    ['SKEP_LOAD', 'Map "calls" of probe.o is to hold "last_call", which is not loaded'],
  );
});

test('that it failed is not told as the reason', () => {
  match(errorOf('libbpf: something else was wrong\n').message, /cannot be loaded: something else was wrong$/);
  match(errorOf('').message, /failed to load object 'probe'$/);
});
