import { mkdirSync, readdirSync, rmdirSync, statfsSync, unlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isThere } from '@skep/bpf';
import { RuntimeError } from '../errors.ts';
import { sharedMaps } from './load.ts';
import type { Opened } from './open.ts';
import { distinct } from './probes.ts';

const BPF_FS_MAGIC = 0xcafe4a11;

/** What is to be pinned where. */
export interface Pin {
  readonly path: string;
  pin(): void;
}

/**
 * What `--pin-maps` and `--pin-progs` ask for: every map but .rodata, every program by its function's name. Bpffs
 * allows no dots in names, so `.bss` becomes `_bss`. What several objects have of the same name without sharing it is
 * told apart as everywhere: `calls@first`.
 *
 * @throws RuntimeError SKEP_PIN_DIRECTORY when a directory is not on bpffs or something of that name is there
 */
export function planPins(opened: readonly Opened[], mapDir?: string, progDir?: string): Pin[] {
  const pins: Pin[] = [];
  for (const dir of new Set([mapDir, progDir])) if (dir !== undefined) checkBpffs(dir);
  const add = (dir: string, name: string, pin: (path: string) => void): void => {
    const path = join(dir, name.replaceAll('.', '_'));
    if (isThere(path) || pins.some((p) => p.path === path)) {
      throw new RuntimeError(
        'SKEP_PIN_DIRECTORY',
        `${path} is ${isThere(path) ? 'there already' : 'the name of two things'}, so "${name}" cannot be pinned`,
        isThere(path)
          ? `Remove it (rm ${path}) or choose another directory.`
          : 'Choose different directories for --pin-maps and --pin-progs.',
      );
    }
    pins.push({ path, pin: () => pin(path) });
  };
  const twin = (o: Opened, has: (other: Opened) => boolean): string =>
    distinct('', o, opened, has)
      .replace(/\.o(?=$|@)/, '')
      // A reference may have these, a file's name not.
      .replaceAll('/', '_');
  const shared = new Set<string>();
  for (const o of opened) {
    const own = sharedMaps(o).map((m) => m.name);
    const id = (name: string) => `${o.probe}\0${name}`;
    if (mapDir !== undefined)
      for (const { name, created } of o.object.maps) {
        if (!created || name.includes('.rodata') || shared.has(id(name))) continue;
        if (own.includes(name)) shared.add(id(name));
        const has = (p: Opened): boolean => p.object.maps.some((m) => m.name === name);
        const mark = twin(o, (p) => has(p) && !(own.includes(name) && p.probe === o.probe));
        add(mapDir, name + mark, (path) => o.object.map(name).pin(path));
      }
    if (progDir !== undefined)
      for (const program of o.ladder.programs()) {
        const { name } = program;
        const mark = twin(o, (p) => p.object.programs.some((q) => q.name === name));
        add(progDir, name + mark, (path) => program.pin(path));
      }
  }
  return pins;
}

/** Pins everything or nothing. Returns how to take it back, folders that were made for it too, for when the start fails later. */
export function pinAll(pins: readonly Pin[]): () => void {
  const undone: (() => void)[] = [];
  const undo = (): void => {
    for (const step of undone.splice(0).reverse()) step();
  };
  try {
    for (const { path, pin } of pins) {
      const first = mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      if (first !== undefined) undone.push(() => removeFolders(resolve(first), resolve(dirname(path))));
      pin();
      undone.push(() => unlinkSync(path));
    }
  } catch (error) {
    undo();
    throw error;
  }
  return undo;
}

/** Removes `last` and what is above it up to `first`, as far as nobody has put anything else there. */
function removeFolders(first: string, last: string): void {
  for (let at = last; at.length >= first.length; at = dirname(at)) {
    if (readdirSync(at).length > 0) return;
    rmdirSync(at);
  }
}

function checkBpffs(dir: string): void {
  let at = resolve(dir);
  while (!isThere(at) && dirname(at) !== at) at = dirname(at);
  if (dir !== '' && statfsSync(at).type === BPF_FS_MAGIC) return;
  throw new RuntimeError(
    'SKEP_PIN_DIRECTORY',
    dir === '' ? 'the folder to pin in has no name' : `${dir} is not on a BPF file system`,
    'Use a directory below /sys/fs/bpf (mount -t bpf bpf /sys/fs/bpf if it is not mounted).',
  );
}
