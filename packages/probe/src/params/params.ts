import type { Btf, Elf, MapDefinition } from '@skep/bpf';
import { readTags, type Tags } from '../describe/tags.ts';
import type { ParamDescription } from '../describe/types.ts';
import { ProbeError } from '../errors.ts';
import { limitedCodec } from './limited-codec.ts';
import { takes } from './range.ts';
import { type ParamSetting, said } from './setting.ts';
import { valueError } from './value-error.ts';

/**
 * The parameters of an object: its global `const volatile` variables in `.rodata`, in the order of their place there.
 * Left out: names that begin with `__`, static variables (function-local formats among them), constants that are not
 * volatile (the compiler has used their values already).
 *
 * @throws {ProbeError} `SKEP_OBJECT_INVALID` when one has no bytes, or a range without its default
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
    const { data } = section;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const tags = readTags(btf.declTags(variable.id));
    const param = {
      name: variable.name,
      // `const volatile` is what makes it a parameter, and no part of what a user writes.
      type: btf.nameOf(variable.type).replace(/\b(const|volatile) /g, ''),
      typeId: variable.type,
      size,
      ...taken(btf, variable.name, variable.type, tags, object),
      help: tags.help,
      unit: tags.unit,
    };
    const codec = limitedCodec(btf, param);
    const value = codec?.read(view, symbol.value) ?? null;
    const defaultText = codec ? codec.show(value) : '';
    if (param.range !== undefined && !takes(codec!, defaultText)) {
      throw new ProbeError(
        'SKEP_OBJECT_INVALID',
        `The default of the parameter "${param.name}" of ${object} is ${defaultText}, outside of its range ${param.range}.`,
        { hint: 'Give SKEP_PARAM_RANGE a default within the range.' },
      );
    }
    params.push({ ...param, default: value, defaultText, offset: symbol.value });
  }
  return params.sort((a, b) => a.offset - b.offset).map(({ offset: _, ...param }) => param);
}

/**
 * The lists of an object: maps that skep_params.h declares, in the order of the source. The runtime fills them.
 *
 * @throws {ProbeError} `SKEP_OBJECT_INVALID` when no text can spell its values, or its range
 */
export function describeLists(btf: Btf, maps: readonly MapDefinition[], object: string): ParamDescription[] {
  return maps.flatMap(({ name, keyTypeId, keySize, variableId }) => {
    const tags = readTags(btf.declTags(variableId));
    if (!tags.flags.has('list') || keyTypeId === 0) return [];
    const about = taken(btf, name, keyTypeId, tags, object);
    if (about.takes === '') {
      throw new ProbeError(
        'SKEP_OBJECT_INVALID',
        `The list "${name}" of ${object} is of ${btf.nameOf(keyTypeId)}, whose values no text can spell.`,
        { hint: 'Lists hold numbers, addresses, texts (char[N]), enums or struct skep_cidr.' },
      );
    }
    const key = btf.resolve(keyTypeId);
    const ranges = key.kind === 'int' && !key.bool && about.noun === 'number';
    const list = { ranges, cidrs: about.noun === 'cidr', none: tags.none };
    const takes = `values separated by commas, each ${about.takes}${ranges ? ', or a range such as 8000-8010' : ''}`;
    const noun = `${about.noun},…`;
    const type = `list of ${btf.nameOf(keyTypeId)}`;
    return [
      {
        ...about,
        name,
        type,
        typeId: keyTypeId,
        size: keySize,
        default: [],
        defaultText: '',
        takes,
        noun,
        list,
        bool: false,
        help: tags.help,
        unit: tags.unit,
      },
    ];
  });
}

/** What a type takes within the limits of its tags. */
function taken(btf: Btf, name: string, typeId: number, tags: Tags, object: string) {
  const codec = limitedCodec(btf, { typeId, range: tags.range });
  if (!codec && tags.range !== undefined) {
    throw new ProbeError(
      'SKEP_OBJECT_INVALID',
      `The range ${tags.range} of the parameter "${name}" of ${object} cannot be read.`,
      {
        hint: `Write its ends as a user would, the smaller first: SKEP_PARAM_RANGE(__u32, ${name}, 1, 1, 1000, "…").`,
      },
    );
  }
  const type = btf.resolve(typeId);
  return {
    takes: codec?.range ?? '',
    noun: codec?.noun ?? '',
    example: codec?.example ?? '',
    bool: type.kind === 'int' && type.bool,
    range: tags.range,
    owner: tags.owner,
  };
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
 * @param from where it was named, for the message: `params.yaml:3`
 * @throws {ProbeError} `SKEP_PARAM_INVALID` when there is none; the hint lists what there is
 */
export function findParam(
  params: readonly ParamDescription[],
  name: string,
  from?: string,
): ParamDescription {
  const found = params.find((p) => p.name === name);
  if (found) return found;
  const names = params.map((p) => p.name).join(', ');
  throw new ProbeError(
    'SKEP_PARAM_INVALID',
    `${from === undefined ? '' : `${from}: `}There is no parameter "${name}".`,
    {
      hint: names === '' ? 'This probe has no parameters.' : `There are: ${names}.`,
    },
  );
}

/**
 * Reads the value of a parameter that is no list as a user writes it, to the bytes of the global.
 *
 * | type | written as |
 * | --- | --- |
 * | integers | `12`, `-5`, `0x1f`; the range is checked |
 * | `__be16`, `__be32`, `__be64` | the number meant, the bytes turned round |
 * | `bool` | `true`, `false`, `yes`, `no`, `on`, `off`, `1`, `0` |
 * | `float`, `double` | `1.5`, `2e-3` |
 * | `char` | `x`, or a number |
 * | `char[N]` | at most N - 1 bytes of UTF-8 |
 * | enum | a name, or the number of one or of several together |
 * | arrays | values separated by commas; those left out are 0 |
 * | `ipv4_addr`, `ipv6_addr`, `ip_addr` | `10.0.0.1`, `2001:db8::1`, either |
 * | `duration_ns`, `_us`, `_ms` | `5ms`, `1h30m`, or a plain number in its unit |
 * | `bytes_t` | `64MiB`, `4k`, `10MB`, or a plain number |
 * | `errno_t`, `signal_t`, `syscall_t`, `tcp_state_t`, `user_id_t` | `ENOENT`, `SIGTERM`, `openat`, `LISTEN`, `root`, or a number |
 * | `cgroup_id_t` | a cgroup2 folder, or an id |
 * | `struct skep_cidr` | `10.0.0.0/8`, `fd00::/8`, one address |
 *
 * ```ts
 * parseParam(findParam(description.params, 'min'), btf, '5ms');   // 8 bytes
 * ```
 *
 * @throws {ProbeError} `SKEP_PARAM_INVALID`, with the type and what it takes
 */
export function parseParam(param: ParamDescription, btf: Btf, setting: ParamSetting): Uint8Array {
  const { value, from } = said(setting);
  // An array's values may come one by one.
  const text = typeof value === 'string' ? value : value.join(',');
  const codec = limitedCodec(btf, param);
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
  throw valueError(param, text, { codec, from });
}
