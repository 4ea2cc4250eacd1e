import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ProbeError } from '../errors.ts';

/** The headers of libbpf that programs include as `<bpf/…>`; LGPL-2.1 OR BSD-2-Clause, carried in the package. */
export const LIBBPF_HEADERS: readonly string[] = [
  'bpf_core_read.h',
  'bpf_endian.h',
  'bpf_helper_defs.h',
  'bpf_helpers.h',
  'bpf_tracing.h',
  'usdt.bpf.h',
];

/** Where the headers lie that a probe includes. */
export interface HeaderDirs {
  /** The folder with `skep.h`, `skep_filter.h` and `solo_types.h`. */
  skep: string;
  /** A folder that has `bpf/bpf_helpers.h`. */
  libbpf: string;
  /** The C library's folder for this machine's architecture (`asm/types.h`), where the distribution has one. */
  multiarch?: string;
}

const MULTIARCH: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
  riscv64: 'riscv64-linux-gnu',
};

/**
 * Finds the headers. `include/` is looked for beside the running file and in each folder above it, so it is found in
 * a checkout (`packages/probe/include`) and in the bundled package alike. libbpf's come from `include/bpf/` in the
 * package, else from the distribution's `/usr/include` (a checkout does not carry them).
 *
 * @throws {ProbeError} `SKEP_HEADERS_MISSING`
 */
export function headerDirs(): HeaderDirs {
  const skep = ownInclude();
  const libbpf = [skep, '/usr/include', '/usr/local/include'].find((d) =>
    existsSync(join(d, 'bpf/bpf_helpers.h')),
  );
  if (!libbpf) {
    throw new ProbeError(
      'SKEP_HEADERS_MISSING',
      "libbpf's headers (bpf/bpf_helpers.h) are not on this machine.",
      {
        hint: 'Install them: apt install libbpf-dev (Debian, Ubuntu), dnf install libbpf-devel (Fedora).',
      },
    );
  }
  const multiarch = multiarchDir();
  return { skep, libbpf, multiarch: existsSync(multiarch) ? multiarch : undefined };
}

/** The same for a compiler in a Debian container, whose `/usr/include` is not this machine's. */
export function containerHeaderDirs(): HeaderDirs {
  const skep = ownInclude();
  const carried = existsSync(join(skep, 'bpf/bpf_helpers.h'));
  return { skep, libbpf: carried ? skep : '/usr/include', multiarch: multiarchDir() };
}

/** The folder of the Containerfile that makes the image of `skep build --builder`. */
export function builderDir(): string {
  return join(dirname(ownInclude()), 'builder');
}

function multiarchDir(): string {
  return join('/usr/include', MULTIARCH[process.arch] ?? '-');
}

/** What skep.h calls its version: `SKEP_H_VERSION`. */
export async function headerVersion(dir: string): Promise<string | undefined> {
  return /^#define SKEP_H_VERSION (\d+)$/m.exec(await readFile(join(dir, 'skep.h'), 'utf8'))?.[1];
}

function ownInclude(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const include = join(dir, 'include');
    if (existsSync(join(include, 'skep.h'))) return include;
    const parent = dirname(dir);
    if (parent === dir) break;
    dir = parent;
  }
  throw new ProbeError('SKEP_HEADERS_MISSING', 'skep.h is missing from this installation of skep.', {
    hint: 'Install skep again: npm install -g skep.',
  });
}
