/** Where a benchmark works: the probe compiled three ways, the generator, an image store. Gone when it ends. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
export const skep = join(root, 'bin/skep');

export interface Workplace extends Disposable {
  readonly dir: string;
  readonly generator: string;
  /** counter_events on a 16 MiB ring; the same for print_events; a hash map. */
  readonly counter: string;
  readonly print: string;
  readonly hash: string;
  /** The image of `print` in the store of this workplace. */
  readonly image: string;
  readonly store: string;
}

export function openWorkplace(): Workplace {
  const dir = mkdtempSync(join(tmpdir(), 'skep-bench-'));
  const store = join(dir, 'store');
  process.env.SKEP_STORAGE = store;
  const generator = join(dir, 'generator');
  execFileSync('cc', ['-O2', '-o', generator, join(root, 'bench/load/generator.c')]);
  const object = (source: string, name: string, flags: string[] = []): string => {
    const output = join(dir, `${name}.o`);
    const file = join(root, 'bench/probes', source);
    execFileSync(skep, ['build', file, '--binary-only', '-o', output, ...flags], { stdio: 'pipe' });
    return output;
  };
  const counter = object('ring.c', 'counter', ['--cflags', '-DMAP=counter_events']);
  const print = object('ring.c', 'print', ['--cflags', '-DMAP=print_events']);
  const hash = object('hash.c', 'hash');
  const image = 'bench:1';
  execFileSync(skep, ['build', print, image], { stdio: 'pipe' });
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  process.once('exit', remove);
  return {
    ...{ dir, store, generator, counter, print, hash, image },
    [Symbol.dispose]: remove,
  };
}
