/** A u32 in network order, as a little-endian machine reads it from memory, to `10.0.0.1`. */
export function ipv4Text(value: number): string {
  return `${value & 255}.${(value >>> 8) & 255}.${(value >>> 16) & 255}.${value >>> 24}`;
}

/** `10.0.0.1` to its four bytes; undefined when it is none. Leading zeros are refused: to some they mean octal. */
export function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((p) => /^(0|[1-9]\d{0,2})$/.test(p) && Number(p) <= 255))
    return undefined;
  return Uint8Array.from(parts, Number);
}

/** Sixteen bytes to the text of RFC 5952: lower case, the longest run of zero groups as `::`, v4-mapped with dots. */
export function ipv6Text(bytes: ArrayLike<number>): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i]! << 8) | bytes[i + 1]!);
  const [start, length] = longestZeroRun(groups);
  const mapped = start === 0 && length === 5 && groups[5] === 0xffff;
  if (mapped) return `::ffff:${bytes[12]}.${bytes[13]}.${bytes[14]}.${bytes[15]}`;
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((g) => g.toString(16))
      .join(':');
  return length < 2 ? hex(0, 8) : `${hex(0, start)}::${hex(start + length, 8)}`;
}

/** Sixteen bytes that hold an address of either family: a v4-mapped one as IPv4 has it, `10.0.0.1`. */
export function ipText(bytes: ArrayLike<number>): string {
  const text = ipv6Text(bytes);
  return text.startsWith('::ffff:') && text.includes('.') ? text.slice('::ffff:'.length) : text;
}

/** An address of either family to its sixteen bytes, as skep.h's ip_addr has them: IPv4 mapped; undefined when it is none. */
export function parseIp(text: string): Uint8Array | undefined {
  return parseIpv6(text.includes(':') ? text : `::ffff:${text}`);
}

function longestZeroRun(groups: readonly number[]): [start: number, length: number] {
  let best: [number, number] = [0, 0];
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (end < groups.length && groups[end] === 0) end++;
    if (end - i > best[1]) best = [i, end - i];
    i = Math.max(i, end - 1);
  }
  return best;
}

/** Any spelling of an IPv6 address to its sixteen bytes; undefined when it is none. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted) {
    const v4 = parseIpv4(dotted[2]!);
    if (!v4) return undefined;
    const group = (i: number): string => ((v4[i]! << 8) | v4[i + 1]!).toString(16);
    return parseIpv6(`${dotted[1]}${group(0)}:${group(2)}`);
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const given = head!.length + (tail?.length ?? 0);
  if (tail ? given > 7 : given !== 8) return undefined;
  const groups = [...head!, ...new Array<string>(8 - given).fill('0'), ...(tail ?? [])];
  if (!groups.every((g) => /^[0-9a-f]{1,4}$/i.test(g))) return undefined;
  return Uint8Array.from(groups.flatMap((g) => [Number.parseInt(g, 16) >> 8, Number.parseInt(g, 16) & 255]));
}
