import {
  type Btf,
  type DecodeOptions,
  type FormatSpec,
  ipv4JsonInto,
  KernelSymbols,
  type RecordView,
  type Value,
} from '@skep/bpf';
import { ipText, ipv4Text, ipv6Text } from './addresses.ts';
import { ENDPOINT, isEndpoint } from './endpoints.ts';
import { flagsFormat } from './flags.ts';
import {
  errnoText,
  fileModeText,
  groupText,
  openFlagsText,
  signalText,
  tcpStateText,
  userText,
} from './names.ts';
import { bytesText, durationText } from './quantities.ts';
import { syscallText } from './syscalls.ts';
import { isoText, monotonicOfBoot, timeOfDayText } from './time.ts';

/** A format of an integer of `size` bytes, or of something else that `fits` says it is for. */
interface TypeFormat {
  fits(btf: Btf, typeId: number): boolean;
  spec: FormatSpec;
}

/** How many texts a format remembers before it starts anew: label values repeat, but not without end. */
const REMEMBERED = 4096;

/** Remembers texts by value, since the same addresses and numbers come again and again. */
function remembered(text: (value: number) => string): (value: Value) => string {
  const known = new Map<Value, string>();
  return (value) => {
    let found = known.get(value);
    if (found === undefined) {
      found = text(Number(value));
      if (known.size >= REMEMBERED) known.clear();
      known.set(value, found);
    }
    return found;
  };
}

function isInt(size: number): TypeFormat['fits'] {
  return (btf, typeId) => {
    const t = btf.resolve(typeId);
    return t.kind === 'int' && t.size === size;
  };
}

/** A name for a number: the name in JSON too. */
function named(name: string, size: number, text: (value: number) => string): TypeFormat {
  const cached = remembered(text);
  return { fits: isInt(size), spec: { name, text: cached, json: cached } };
}

/** A quantity: readable as text, the plain number in JSON. */
function quantity(name: string, size: number, text: (value: number) => string): TypeFormat {
  return { fits: isInt(size), spec: { name, text: (value) => text(Number(value)) } };
}

const QUOTE = 0x22;

const ipv4Cached = remembered((value) => ipv4Text(value >>> 0));
const IPV4: TypeFormat = {
  fits: isInt(4),
  spec: {
    name: 'ipv4',
    text: ipv4Cached,
    json: ipv4Cached,
    jsonInto: ipv4JsonInto,
  },
};

/** The kernel's struct of one such number. */
const IN_ADDR: TypeFormat = {
  fits: (btf, typeId) => {
    const t = btf.resolve(typeId);
    return t.kind === 'struct' && t.members.length === 1 && IPV4.fits(btf, t.members[0]!.type);
  },
  spec: {
    name: 'ipv4',
    text: (value) => ipv4Cached(onlyMember(value)),
    json: (value) => ipv4Cached(onlyMember(value)),
    jsonInto: ipv4JsonInto,
  },
};

function onlyMember(value: Value): Value {
  return Object.values(value as { [name: string]: Value })[0]!;
}

/** So many bytes, however the header declares them: an array, or a struct with one array in it. */
function isBytes(size: number): TypeFormat['fits'] {
  const fits: TypeFormat['fits'] = (btf, typeId) => {
    const t = btf.resolve(typeId);
    if ((t.kind === 'struct' || t.kind === 'union') && t.size === size && t.members.length > 0) {
      return fits(btf, t.members[0]!.type);
    }
    if (t.kind !== 'array' || t.length !== size) return false;
    const element = btf.resolve(t.element);
    return element.kind === 'int' && element.size === 1;
  };
  return fits;
}

function bytesOf(value: Value): number[] {
  if (Array.isArray(value)) return value.map(Number);
  if (value !== null && typeof value === 'object') return bytesOf(Object.values(value)[0] ?? []);
  return [];
}

/** What is in `size` bytes, written as `text` says in at most `longest` ASCII characters. */
function spelled(
  name: string,
  size: number,
  longest: number,
  text: (bytes: ArrayLike<number>) => string,
): TypeFormat {
  const ofValue = (value: Value): string => text(bytesOf(value));
  return {
    fits: isBytes(size),
    spec: {
      name,
      text: ofValue,
      json: ofValue,
      jsonInto: {
        maxBytes: longest + 2,
        write(out: RecordView, position: number, view: RecordView, offset: number): number {
          const written = text(view.u8.subarray(offset, offset + size));
          let at = position;
          out.u8[at++] = QUOTE;
          for (let i = 0; i < written.length; i++) out.u8[at++] = written.charCodeAt(i);
          out.u8[at++] = QUOTE;
          return at;
        },
      },
    },
  };
}

/** An address in sixteen bytes. */
function address(name: string, text: (bytes: ArrayLike<number>) => string): TypeFormat {
  return spelled(name, 16, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'.length, text);
}

/** An id of W3C's trace context: hexadecimal digits, empty where there is none, which is all zero. */
function traceId(name: string, size: number): TypeFormat {
  return spelled(name, size, size * 2, (bytes) => {
    const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
    return /[1-9a-f]/.test(hex) ? hex : '';
  });
}

const monotonic = (value: Value): bigint => BigInt(value as number | bigint);
const timestamp = (at: (value: Value) => bigint): TypeFormat => ({
  fits: isInt(8),
  spec: {
    name: 'timestamp',
    text: (value) => timeOfDayText(at(value)),
    json: (value) => isoText(at(value)),
  },
});

let kernel: KernelSymbols | undefined;

/** `do_sys_openat2+0x12`, or the number where the kernel has no symbol for it, or hides them. */
function kernelSymbolText(address: bigint): string {
  kernel ??= KernelSymbols.running();
  const found = kernel.find(address);
  if (!found) return `0x${address.toString(16)}`;
  return `${found.name}+0x${found.offset.toString(16)}${found.module ? ` ${found.module}` : ''}`;
}

/** The id of a stack in a map of stacks: what it stands for, whoever has the map and the process can say. */
function stackId(name: string): TypeFormat {
  return {
    fits: (btf, typeId) => [4, 8].includes(btf.sizeOf(typeId)) && btf.resolve(typeId).kind === 'int',
    spec: { name, text: String },
  };
}

/** Return addresses up to the first 0. */
function stack(name: string, symbol: (address: bigint) => string): TypeFormat {
  const frames = (value: Value): string[] => {
    const addresses = Array.isArray(value) ? value.map((v) => BigInt(v as number | bigint)) : [];
    const end = addresses.indexOf(0n);
    return addresses.slice(0, end < 0 ? undefined : end).map(symbol);
  };
  return {
    fits: (btf, typeId) => {
      const t = btf.resolve(typeId);
      return t.kind === 'array' && btf.sizeOf(t.element) === 8;
    },
    spec: { name, text: (value) => frames(value).join(' '), json: frames },
  };
}

const FORMATS: ReadonlyMap<string, readonly TypeFormat[]> = new Map([
  ['ipv4_addr', [IPV4]],
  // Four bytes in solo_types.h: bee shows them as it shows an ipv4_addr.
  ['ipv6_addr', [address('ipv6', ipv6Text), IPV4]],
  ['ip_addr', [address('ip', ipText)]],
  ['struct in_addr', [IN_ADDR]],
  ['struct in6_addr', [address('ipv6', ipv6Text)]],
  ['trace_id_t', [traceId('trace id', 16)]],
  ['span_id_t', [traceId('span id', 8)]],
  ['duration', [quantity('duration', 8, durationText)]],
  ['duration_ns', [quantity('duration', 8, durationText)]],
  ['duration_us', [quantity('duration', 8, (v) => durationText(v * 1e3))]],
  ['duration_ms', [quantity('duration', 8, (v) => durationText(v * 1e6))]],
  ['timestamp_ns', [timestamp(monotonic)]],
  ['boot_timestamp_ns', [timestamp((value) => monotonicOfBoot(monotonic(value)))]],
  ['bytes_t', [quantity('bytes', 8, bytesText)]],
  ['errno_t', [named('errno', 4, errnoText)]],
  // Eight bytes as Inspektor Gadget has it, of which all are set where it is not known.
  [
    'syscall_t',
    [named('syscall', 4, syscallText), named('syscall', 8, (v) => syscallText(v === 2 ** 64 ? -1 : v))],
  ],
  ['signal_t', [named('signal', 4, signalText)]],
  ['open_flags_t', [named('open flags', 4, openFlagsText)]],
  ['tcp_state_t', [named('TCP state', 1, tcpStateText)]],
  ['user_id_t', [quantity('user', 4, userText)]],
  // Inspektor Gadget's, of which skep.h has none.
  ['gadget_gid', [quantity('group', 4, groupText)]],
  ['gadget_file_mode', [quantity('file mode', 4, fileModeText)]],
  ['gadget_endpoint', [{ fits: isEndpoint, spec: ENDPOINT }]],
  ['kernel_stack_t', [stack('kernel stack', kernelSymbolText)]],
  ['kernel_stack_id_t', [stackId('kernel stack id')]],
  ['user_stack_id_t', [stackId('user stack id')]],
  ['user_stack_t', [stack('user stack', (address) => `0x${address.toString(16)}`)]],
]);

/**
 * How the types of `skep.h` and `solo_types.h` are shown, for `compileDecoder`: by the typedef's name, and only when
 * what it names has the size and kind that it has there; and of the kernel's addresses, by the struct's name.
 *
 * ```ts
 * compileDecoder(btf, map.valueTypeId, { format: typeFormats });
 * ```
 */
export const typeFormats: NonNullable<DecodeOptions['format']> = (typeName, btf, typeId) =>
  typeName === 'gadget_flags'
    ? flagsFormat(btf, typeId)
    : FORMATS.get(typeName)?.find((format) => format.fits(btf, typeId))?.spec;
