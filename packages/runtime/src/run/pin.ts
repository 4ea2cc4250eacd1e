import { existsSync, mkdirSync, statfsSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RuntimeError } from '../errors.ts';
import type { Opened } from './open.ts';

const BPF_FS_MAGIC = 0xcafe4a11;

/** What is to be pinned where. */
export interface Pin {
  readonly path: string;
  pin(): void;
}

/**
 * What `--pin-maps` and `--pin-progs` ask for: every map but .rodata, every program by its function's name. Bpffs
 * allows no dots in names, so `.bss` becomes `_bss`.
 *
 * @throws RuntimeError SKEP_PIN_DIRECTORY when a directory is not on bpffs or something of that name is there
 */
export function planPins(opened: readonly Opened[], mapDir?: string, progDir?: string): Pin[] {
  const pins: Pin[] = [];
  for (const dir of new Set([mapDir, progDir])) if (dir !== undefined) checkBpffs(dir);
  const add = (dir: string, name: string, pin: (path: string) => void): void => {
    const path = join(dir, name.replaceAll('.', '_'));
    if (pins.some((p) => p.path === path)) return;
    if (existsSync(path)) {
      throw new RuntimeError(
        'SKEP_PIN_DIRECTORY',
        `${path} is there already, so "${name}" cannot be pinned`,
        `Remove it (rm ${path}) or choose another directory.`,
      );
    }
    pins.push({ path, pin: () => pin(path) });
  };
  for (const o of opened) {
    if (mapDir !== undefined)
      for (const map of o.object.maps)
        if (!map.name.includes('.rodata')) add(mapDir, map.name, (path) => o.object.map(map.name).pin(path));
    if (progDir !== undefined)
      for (const program of o.object.programs)
        if (program.autoload) add(progDir, program.name, (path) => o.object.program(program.name).pin(path));
  }
  return pins;
}

/** Pins everything or nothing. Returns how to take it back, for when the start fails later. */
export function pinAll(pins: readonly Pin[]): () => void {
  const done: string[] = [];
  const undo = (): void => {
    for (const path of done.splice(0)) unlinkSync(path);
  };
  try {
    for (const { path, pin } of pins) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      pin();
      done.push(path);
    }
  } catch (error) {
    undo();
    throw error;
  }
  return undo;
}

function checkBpffs(dir: string): void {
  let at = dir;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  if (statfsSync(at).type === BPF_FS_MAGIC) return;
  throw new RuntimeError(
    'SKEP_PIN_DIRECTORY',
    `${dir} is not on a BPF file system`,
    'Use a directory below /sys/fs/bpf (mount -t bpf bpf /sys/fs/bpf if it is not mounted).',
  );
}
