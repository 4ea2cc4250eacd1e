/** What goes into an initramfs: a path without leading slash, and a file's bytes, a link's target or a folder. */
export type Entry = { path: string } & (
  | { kind: 'file'; data: Uint8Array; executable?: boolean }
  | { kind: 'link'; target: string }
  | { kind: 'dir' }
  | { kind: 'char'; major: number; minor: number }
);

const modes = { file: 0o100644, link: 0o120777, dir: 0o040755, char: 0o020600 };

/**
 * An archive in the "newc" format, the one the kernel unpacks (Documentation/driver-api/early-userspace/
 * buffer-format.rst). Archives may follow each other in one initramfs. Missing parent folders are added.
 */
export function cpio(entries: Iterable<Entry>): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const seen = new Set(['']);
  let inode = 1;
  const add = (e: Entry) => {
    const parent = e.path.slice(0, Math.max(0, e.path.lastIndexOf('/')));
    if (!seen.has(parent)) add({ path: parent, kind: 'dir' });
    if (e.kind === 'dir' && seen.has(e.path)) return;
    seen.add(e.path);
    chunks.push(...record(e, inode++));
  };
  for (const e of entries) add(e);
  chunks.push(...record({ path: 'TRAILER!!!', kind: 'file', data: new Uint8Array() }, 0));
  return chunks;
}

function record(e: Entry, inode: number): Uint8Array[] {
  const data = e.kind === 'file' ? e.data : Buffer.from(e.kind === 'link' ? e.target : '');
  const mode = modes[e.kind] | (e.kind === 'file' && e.executable ? 0o111 : 0);
  const [major, minor] = e.kind === 'char' ? [e.major, e.minor] : [0, 0];
  const name = Buffer.from(`${e.path}\0`);
  const links = e.kind === 'dir' ? 2 : 1;
  const fields = [inode, mode, 0, 0, links, 0, data.length, 0, 0, major, minor, name.length, 0];
  const header = Buffer.from(`070701${fields.map((f) => f.toString(16).padStart(8, '0')).join('')}`);
  return [header, name, pad(header.length + name.length), data, pad(data.length)];
}

/** Header with name, and data, each end on a multiple of four. */
function pad(length: number): Uint8Array {
  return new Uint8Array(-length & 3);
}
