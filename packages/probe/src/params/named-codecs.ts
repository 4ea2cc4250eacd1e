import type { Btf } from '@skep/bpf';
import { ipText, ipv4Text, ipv6Text, parseIp, parseIpv4, parseIpv6 } from '../formats/addresses.ts';
import {
  errnoNumber,
  errnoText,
  signalNumber,
  signalText,
  tcpStateNumber,
  tcpStateText,
  userNumber,
  userText,
} from '../formats/names.ts';
import { parseBytes, parseDuration } from '../formats/quantities.ts';
import { syscallNumber, syscallText } from '../formats/syscalls.ts';
import { cgroupId, cgroupWhy } from './cgroups.ts';
import type { ParamCodec } from './codec.ts';
import { integerCodec, type Spelling } from './plain-codecs.ts';

/** The codec of a type that skep.h or solo_types.h names, when what the name stands for has their size. */
export function namedCodec(name: string, btf: Btf, typeId: number): ParamCodec | undefined {
  const t = btf.resolve(typeId);
  if (name === 'ipv6_addr' && btf.sizeOf(typeId) === 16) return IPV6;
  if (name === 'ip_addr' && btf.sizeOf(typeId) === 16) return IP;
  if (t.kind !== 'int') return undefined;
  if ((name === 'ipv4_addr' || name === 'ipv6_addr') && t.size === 4) return IPV4;
  const spelled = SPELLINGS.get(name);
  return spelled && integerCodec(t.size, t.signed, spelled);
}

const IPV4: ParamCodec = {
  size: 4,
  range: 'an IPv4 address, such as 10.0.0.1',
  noun: 'address',
  example: '10.0.0.1',
  read: (view, offset) => ipv4Text(view.getUint32(offset, true)),
  show: String,
  write: (text, view, offset) => put(parseIpv4(text), view, offset),
};

const IPV6: ParamCodec = {
  size: 16,
  range: 'an IPv6 address, such as 2001:db8::1 or ::ffff:10.0.0.1',
  noun: 'address',
  example: '2001:db8::1',
  read: (view, offset) => ipv6Text(new Uint8Array(view.buffer, view.byteOffset + offset, 16)),
  show: String,
  write: (text, view, offset) => put(parseIpv6(text), view, offset),
};

const IP: ParamCodec = {
  size: 16,
  range: 'an IP address, such as 10.0.0.1 or 2001:db8::1',
  noun: 'address',
  example: '10.0.0.1',
  read: (view, offset) => ipText(new Uint8Array(view.buffer, view.byteOffset + offset, 16)),
  show: String,
  write: (text, view, offset) => put(parseIp(text), view, offset),
};

function put(bytes: Uint8Array | undefined, view: DataView, offset: number): boolean {
  if (!bytes) return false;
  new Uint8Array(view.buffer, view.byteOffset + offset, bytes.length).set(bytes);
  return true;
}

function duration(unit: string, ns: bigint): Spelling {
  return {
    range: `a duration such as 5ms or 1.5s, in whole ${unit} (a plain number is ${unit})`,
    noun: 'duration',
    example: '5ms',
    parse(text) {
      const parsed = parseDuration(text);
      return parsed === undefined || parsed % ns !== 0n ? undefined : parsed / ns;
    },
    show: (value) => exactDuration(value, unit, ns),
  };
}

const UNITS: readonly [name: string, ns: bigint][] = [
  ['h', 3_600_000_000_000n],
  ['m', 60_000_000_000n],
  ['s', 1_000_000_000n],
  ['ms', 1_000_000n],
  ['us', 1_000n],
];

/** Exact and readable back, unlike the three digits of a table: in the largest unit of which it is a multiple. */
function exactDuration(value: bigint, unit: string, ns: bigint): string {
  const found = UNITS.find(([, size]) => value !== 0n && (value * ns) % size === 0n);
  return found && found[1] > ns ? `${(value * ns) / found[1]}${found[0]}` : `${value}${unit}`;
}

function byName(
  noun: string,
  example: string,
  number: (name: string) => number | undefined,
  text: (n: number) => string,
): Spelling {
  return {
    range: `${noun === 'error' ? 'an' : 'a'} ${noun} such as ${example}, or its number`,
    noun,
    example,
    parse(name) {
      const found = number(name);
      return found === undefined ? undefined : BigInt(found);
    },
    show: (value) => (value === 0n ? '0' : text(Number(value))),
  };
}

const SPELLINGS: ReadonlyMap<string, Spelling> = new Map([
  ['duration', duration('ns', 1n)],
  ['duration_ns', duration('ns', 1n)],
  ['duration_us', duration('us', 1_000n)],
  ['duration_ms', duration('ms', 1_000_000n)],
  ['bytes_t', { range: 'a size such as 64MiB or 4096', noun: 'size', example: '64MiB', parse: parseBytes }],
  [
    'cgroup_id_t',
    {
      range: "a cgroup's folder in cgroup2, such as /sys/fs/cgroup/user.slice or /user.slice, or its id",
      noun: 'cgroup',
      example: '/user.slice',
      parse: cgroupId,
      why: cgroupWhy,
    },
  ],
  ['user_id_t', byName('user', 'root', userNumber, userText)],
  ['errno_t', byName('error', 'ENOENT', errnoNumber, (n) => errnoText(n))],
  ['signal_t', byName('signal', 'SIGTERM', signalNumber, signalText)],
  ['syscall_t', byName('syscall', 'openat', syscallNumber, syscallText)],
  ['tcp_state_t', byName('TCP state', 'ESTABLISHED', tcpStateNumber, tcpStateText)],
]);
