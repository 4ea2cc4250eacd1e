import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runBytes } from '../../scripts/lib/process.ts';
import type { Entry } from './cpio.ts';
import type { KernelFiles } from './fetch.ts';

/**
 * The named modules with all they depend on, and the modules.dep that busybox's modprobe reads. Names that a
 * kernel has built in, or lacks, are left out.
 */
export async function moduleEntries(kernel: KernelFiles, names: readonly string[]): Promise<Entry[]> {
  const all = await readdir(join(kernel.modules, 'kernel'), { recursive: true });
  const paths = new Map(all.filter((f) => /\.ko(\.xz)?$/.test(f)).map((f) => [moduleName(f), f]));
  const found = new Map<string, { path: string; data: Uint8Array; needs: string[] }>();
  const visit = async (name: string) => {
    const path = paths.get(name);
    if (!path || found.has(name)) return;
    const file = join(kernel.modules, 'kernel', path);
    const data = path.endsWith('.xz') ? await runBytes('xz', ['-dc', file]) : await readFile(file);
    const needs = dependencies(data);
    found.set(name, { path: `kernel/${path.replace(/\.xz$/, '')}`, data, needs });
    for (const n of needs) await visit(n);
  };
  for (const n of names) await visit(n);

  const base = `lib/modules/${kernel.release}`;
  // modprobe loads a line's modules from right to left: what others need stands further right.
  const needed = (name: string): string[] => {
    const needs = (found.get(name)?.needs ?? []).filter((n) => found.has(n));
    return [...new Set(needs.flatMap((n) => [...needed(n).toReversed(), n]))].toReversed();
  };
  const dep = [...found].map(
    ([name, m]) =>
      `${m.path}: ${needed(name)
        .map((n) => found.get(n)?.path)
        .join(' ')}\n`,
  );
  return [
    ...[...found.values()].map((m): Entry => ({ path: `${base}/${m.path}`, kind: 'file', data: m.data })),
    { path: `${base}/modules.dep`, kind: 'file', data: Buffer.from(dep.join('')) },
  ];
}

/** The kernel takes "-" and "_" in a module's name for the same. */
function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.xz)?$/, '')
    .replaceAll('-', '_');
}

/** A module says what it depends on as "depends=a,b" among the NUL-ended strings of its .modinfo section. */
function dependencies(data: Uint8Array): string[] {
  const buf = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const at = buf.indexOf('\0depends=');
  if (at < 0) return [];
  const start = at + '\0depends='.length;
  return buf
    .toString('latin1', start, buf.indexOf(0, start))
    .split(',')
    .filter((n) => n !== '')
    .map((n) => n.replaceAll('-', '_'));
}
