import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '@skep/probe';

/** Compiles a probe's source; `skep.h` is included. */
export async function build(source: string): Promise<Uint8Array> {
  const dir = mkdtempSync(join(tmpdir(), `skep-runtime-${process.pid}-`));
  try {
    const file = join(dir, 'probe.c');
    writeFileSync(file, `#include "skep.h"\n${source}\nchar LICENSE[] SEC("license") = "Dual BSD/GPL";\n`);
    return (await compile({ source: file })).object;
  } finally {
    rmSync(dir, { recursive: true });
  }
}
