/**
 * Reads an address as /proc/net writes it: words of 32 bits in the machine's own byte order (little-endian on all that we
 * run on). IPv4 in IPv6's clothes (`::ffff:…`) comes out as IPv4.
 */
export function readAddress(hex: string): string | undefined {
  const bytes = Buffer.from(hex, 'hex');
  if (bytes.length !== 4 && bytes.length !== 16) return undefined;
  bytes.swap32();
  if (bytes.length === 4) return bytes.join('.');
  return formatIpv6(bytes);
}

/** Sixteen bytes in network order as text (RFC 5952). */
export function formatIpv6(bytes: Uint8Array): string {
  const words = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  if (words.slice(0, 5).every((w) => w === 0) && words[5] === 0xffff) return bytes.slice(12).join('.');
  let [start, length] = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (words[i + n] === 0 && i + n < 8) n++;
    if (n > length) [start, length] = [i, n];
  }
  const text = (part: number[]) => part.map((w) => w.toString(16)).join(':');
  return start < 0 ? text(words) : `${text(words.slice(0, start))}::${text(words.slice(start + length))}`;
}

/** An address as this package writes it: mapped IPv4 as IPv4, no zone, IPv6 shortened. */
export function normalAddress(address: string): string {
  const plain = address.toLowerCase().replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)?.[1];
  if (mapped !== undefined) return mapped;
  if (!plain.includes(':')) return plain;
  const [head, tail] = plain.split('::');
  const words = (text: string | undefined) => (text ? text.split(':') : []);
  const [before, after] = [words(head), words(tail)];
  const fill = plain.includes('::')
    ? Array.from({ length: 8 - before.length - after.length }, () => '0')
    : [];
  const all = [...before, ...fill, ...after].map((w) => Number.parseInt(w, 16));
  if (all.length !== 8 || all.some((w) => Number.isNaN(w))) return plain;
  return formatIpv6(Uint8Array.from(all.flatMap((w) => [w >> 8, w & 255])));
}

export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
