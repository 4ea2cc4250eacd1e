/** Undoes systemd's escapes in a unit's name, which are bytes of UTF-8: `my\x2dapp` is `my-app`. */
export function unescapeUnit(name: string): string {
  if (!name.includes('\\x')) return name;
  const parts: Buffer[] = [];
  for (const m of name.matchAll(/\\x([0-9a-fA-F]{2})|[^\\]+|\\/g)) {
    parts.push(m[1] === undefined ? Buffer.from(m[0]) : Buffer.from([Number.parseInt(m[1], 16)]));
  }
  return Buffer.concat(parts).toString('utf8');
}

export type UnitKind = 'service' | 'scope' | 'slice' | 'other';

/** What kind of unit a folder of the cgroup tree belongs to; undefined when it is none of systemd's. */
export function unitKind(folder: string): UnitKind | undefined {
  const kind = /^.+\.(service|scope|slice|socket|mount|swap)$/.exec(folder)?.[1];
  if (kind === undefined) return undefined;
  return kind === 'service' || kind === 'scope' || kind === 'slice' ? kind : 'other';
}

/** systemd puts `_` before a name that could be taken for one of the kernel's own files. */
export function unescapeFolder(folder: string): string {
  return folder.startsWith('_') ? folder.slice(1) : folder;
}
