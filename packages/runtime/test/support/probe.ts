import { compiled } from '../../../../test/support/compiled.ts';

/** Compiles a probe's source; `skep.h` is included. */
export function build(source: string): Promise<Uint8Array> {
  return compiled(`#include "skep.h"\n${source}\nchar LICENSE[] SEC("license") = "Dual BSD/GPL";\n`);
}
