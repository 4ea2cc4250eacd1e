import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { compile } from '../src/index.ts';

/** A temporary folder that goes with the scope it is made in. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'skep-test-'));

  /** Writes a file and gives back its path. */
  write(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Compiles a source text; skep.h is included and the licence given unless it says otherwise. */
export async function build(source: string, whole = false): Promise<Uint8Array> {
  using folder = new Folder();
  const text = whole ? source : `#include "skep.h"\nchar LICENSE[] SEC("license") = "GPL";\n${source}`;
  return (await compile({ source: folder.write('probe.c', text) })).object;
}

/** A program that does nothing, for objects that need one. */
export const PROGRAM = 'SEC("raw_tp/sys_enter") int nothing(void *ctx) { return 0; }';

/** Runs a tool of another maker on an object and gives back what it prints. */
export function tool(object: Uint8Array, command: string, ...args: string[]): string {
  using folder = new Folder();
  const path = folder.write('object.o', object);
  const full = args.map((a) => (a === '{}' ? path : a));
  return execFileSync(command, full, { encoding: 'utf8', maxBuffer: 1 << 28 }).replaceAll(path, 'object.o');
}
