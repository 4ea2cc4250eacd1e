import type { Btf, Elf } from '@skep/bpf';
import { readTags } from '../describe/tags.ts';
import type { ParamDescription } from '../describe/types.ts';
import { ProbeError } from '../errors.ts';
import { codecFor } from './codec.ts';

/**
 * The parameters of an object: its global `const volatile` variables in `.rodata`, in the order of their place there.
 * Left out: names that begin with `__`, static variables (function-local formats among them), constants that are not
 * volatile (the compiler has used their values already).
 */
export function describeParams(elf: Elf, btf: Btf, object: string): ParamDescription[] {
  const section = elf.section('.rodata');
  const variables = btf.find('.rodata', 'datasec');
  if (!section || variables?.kind !== 'datasec') return [];
  const params: (ParamDescription & { offset: number })[] = [];
  for (const { type: variableId } of variables.variables) {
    const variable = btf.type(variableId);
    if (variable.kind !== 'var' || variable.linkage !== 'global' || variable.name.startsWith('__')) continue;
    if (!isVolatile(btf, variable.type)) continue;
    // The place in the section is the symbol's: clang leaves 0 in the type information for the linker to fill.
    const symbol = elf.symbols.find((s) => s.name === variable.name && s.section === section.index);
    const size = btf.sizeOf(variable.type);
    if (!symbol || symbol.value + size > section.data.length) {
      throw new ProbeError(
        'SKEP_OBJECT_INVALID',
        `The parameter "${variable.name}" of ${object} lies outside of .rodata.`,
        {
          hint: 'The object is damaged: build or pull it again.',
        },
      );
    }
    const codec = codecFor(btf, variable.type);
    const { data } = section;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const value = codec?.read(view, symbol.value) ?? null;
    const { help, unit } = readTags(btf.declTags(variable.id));
    params.push({
      name: variable.name,
      // `const volatile` is what makes it a parameter, and no part of what a user writes.
      type: btf.nameOf(variable.type).replace(/\b(const|volatile) /g, ''),
      typeId: variable.type,
      size,
      default: value,
      defaultText: codec ? codec.show(value) : '',
      help,
      unit,
      offset: symbol.value,
    });
  }
  return params.sort((a, b) => a.offset - b.offset).map(({ offset: _, ...param }) => param);
}

/** Volatile itself or, for an array, in its elements: C puts the qualifiers of `const volatile char x[8]` there. */
function isVolatile(btf: Btf, typeId: number): boolean {
  for (let id = typeId; ; ) {
    const t = btf.type(id);
    if (t.kind === 'volatile') return true;
    if (t.kind === 'array') id = t.element;
    else if (t.kind === 'const' || t.kind === 'restrict' || t.kind === 'typedef' || t.kind === 'type_tag')
      id = t.type;
    else return false;
  }
}

/**
 * The parameter of that name.
 *
 * @throws {ProbeError} `SKEP_PARAM_INVALID` when there is none; the hint lists what there is
 */
export function findParam(params: readonly ParamDescription[], name: string): ParamDescription {
  const found = params.find((p) => p.name === name);
  if (found) return found;
  const names = params.map((p) => p.name).join(', ');
  throw new ProbeError('SKEP_PARAM_INVALID', `There is no parameter "${name}".`, {
    hint: names === '' ? 'This probe has no parameters.' : `There are: ${names}.`,
  });
}

/**
 * Reads a parameter's value as a user writes it, to the bytes of the global.
 *
 * | type | written as |
 * | --- | --- |
 * | integers | `12`, `-5`, `0x1f`; the range is checked |
 * | `bool` | `true`, `false`, `yes`, `no`, `on`, `off`, `1`, `0` |
 * | `float`, `double` | `1.5`, `2e-3` |
 * | `char[N]` | at most N - 1 bytes of UTF-8 |
 * | enum | a name, or a number |
 * | arrays | values separated by commas; those left out are 0 |
 * | `ipv4_addr`, `ipv6_addr`, `ip_addr` | `10.0.0.1`, `2001:db8::1`, either |
 * | `duration_ns`, `_us`, `_ms` | `5ms`, `1h30m`, or a plain number in its unit |
 * | `bytes_t` | `64MiB`, `4k`, `10MB`, or a plain number |
 * | `errno_t`, `signal_t`, `syscall_t`, `tcp_state_t` | `ENOENT`, `SIGTERM`, `openat`, `LISTEN`, or a number |
 * | `cgroup_id_t` | a cgroup2 folder, or an id |
 *
 * ```ts
 * parseParam(findParam(description.params, 'min'), btf, '5ms');   // 8 bytes
 * ```
 *
 * @throws {ProbeError} `SKEP_PARAM_INVALID`, with the type and what it takes
 */
export function parseParam(param: ParamDescription, btf: Btf, text: string): Uint8Array {
  const codec = codecFor(btf, param.typeId);
  if (!codec) {
    throw new ProbeError(
      'SKEP_PARAM_INVALID',
      `The parameter "${param.name}" (${param.type}) cannot be set.`,
      {
        hint: 'Only numbers, texts, addresses and lists of them can be written on a command line.',
      },
    );
  }
  const bytes = new Uint8Array(codec.size);
  if (codec.write(text, new DataView(bytes.buffer), 0)) return bytes;
  throw new ProbeError(
    'SKEP_PARAM_INVALID',
    `"${text}" is no value for the parameter "${param.name}" (${param.type}).`,
    {
      hint: `It takes ${codec.range}; its default is ${param.defaultText === '' ? 'empty' : param.defaultText}.`,
    },
  );
}
