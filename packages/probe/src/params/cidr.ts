import { ipText, parseIp } from '../formats/addresses.ts';
import type { ParamCodec } from './codec.ts';

/** Where IPv4 addresses lie among the IPv6 ones: ::ffff:0:0/96. */
const MAPPED = 96;

/** A `struct skep_cidr`: the length of the prefix, then an address of either family in sixteen bytes. */
export const CIDR: ParamCodec = {
  size: 20,
  range: 'addresses by their prefix, such as 10.0.0.0/8 or fd00::/8, or one address',
  noun: 'cidr',
  example: '10.0.0.0/8',
  read(view, offset) {
    return cidrText(new Uint8Array(view.buffer, view.byteOffset + offset, 20));
  },
  show: String,
  write(text, view, offset) {
    const cidr = parse(text);
    if (!cidr || !sameBytes(cidr.address, masked(cidr))) return false;
    view.setUint32(offset, cidr.prefix, true);
    new Uint8Array(view.buffer, view.byteOffset + offset + 4, 16).set(cidr.address);
    return true;
  },
  why(text) {
    const cidr = parse(text);
    if (!cidr) return undefined;
    const [, length = ''] = text.split('/');
    return `The address has bits behind its /${length}: write ${cidrText(bytesOf(cidr.prefix, masked(cidr)))}.`;
  },
};

interface Cidr {
  prefix: number;
  address: Uint8Array;
}

function parse(text: string): Cidr | undefined {
  const [host = '', length, ...more] = text.split('/');
  const address = more.length === 0 ? parseIp(host) : undefined;
  if (!address) return undefined;
  const shift = host.includes(':') ? 0 : MAPPED;
  if (length === undefined) return { prefix: 128, address };
  const prefix = /^(0|[1-9]\d{0,2})$/.test(length) ? Number(length) + shift : Number.NaN;
  return prefix <= 128 ? { prefix, address } : undefined;
}

function masked({ prefix, address }: Cidr): Uint8Array {
  return address.map((byte, i) => byte & (0xff << Math.min(8, Math.max(0, 8 * (i + 1) - prefix))));
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i]);
}

function bytesOf(prefix: number, address: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(20);
  new DataView(bytes.buffer).setUint32(0, prefix, true);
  bytes.set(address, 4);
  return bytes;
}

function cidrText(bytes: Uint8Array): string {
  const prefix = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const address = ipText(bytes.subarray(4));
  const mapped = prefix >= MAPPED && !address.includes(':');
  return `${address}/${mapped ? prefix - MAPPED : prefix}`;
}

/**
 * The entries of the kernel's trie, which answers with the longest prefix: 1 for a member of the list. A prefix that
 * covers where IPv4 addresses are mapped, as ::/0 does, means IPv6 ones; the others are then told to be none.
 */
export function cidrEntries(keys: readonly Uint8Array[]): { key: Uint8Array; value: number }[] {
  const mapped = bytesOf(MAPPED, parseIp('0.0.0.0')!);
  const entries = keys.map((key) => ({ key, value: 1 }));
  const covered = keys.some((key) => prefixOf(key) < MAPPED && covers(key, mapped));
  if (covered && !keys.some((key) => Buffer.compare(key, mapped) === 0))
    entries.push({ key: mapped, value: 0 });
  return entries;
}

function prefixOf(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset).getUint32(0, true);
}

function covers(key: Uint8Array, other: Uint8Array): boolean {
  return sameBytes(key.subarray(4), masked({ prefix: prefixOf(key), address: other.subarray(4) }));
}
