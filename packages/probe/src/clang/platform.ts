import { ProbeError } from '../errors.ts';

/** Docker's name of an architecture, libbpf's (`__TARGET_ARCH_…`) and Node's. */
interface Architecture {
  docker: string;
  libbpf: string;
  node: NodeJS.Architecture;
}

// Little-endian only: a BPF object has its machine's byte order, and bpfeb objects are not built here.
const ARCHITECTURES: readonly Architecture[] = [
  { docker: 'amd64', libbpf: 'x86', node: 'x64' },
  { docker: 'arm64', libbpf: 'arm64', node: 'arm64' },
  { docker: 'riscv64', libbpf: 'riscv', node: 'riscv64' },
  { docker: 'loong64', libbpf: 'loongarch', node: 'loong64' },
];

/** A platform to build for. */
export interface Platform {
  /** As docker writes it: `linux/amd64`. */
  name: string;
  /** The suffix of `__TARGET_ARCH_`. */
  targetArch: string;
  /** Is it this machine's? Only then do its kernel's types fit. */
  native: boolean;
}

/**
 * Reads a platform as docker writes it; without one, this machine's.
 *
 * @throws {ProbeError} `SKEP_PLATFORM`
 */
export function parsePlatform(text?: string): Platform {
  const host = ARCHITECTURES.find((a) => a.node === process.arch);
  const wanted = text === undefined ? host : ARCHITECTURES.find((a) => text === `linux/${a.docker}`);
  if (!wanted) {
    throw new ProbeError('SKEP_PLATFORM', `There is no platform "${text ?? process.arch}" to build for.`, {
      hint: `Use one of: ${ARCHITECTURES.map((a) => `linux/${a.docker}`).join(', ')}.`,
    });
  }
  return { name: `linux/${wanted.docker}`, targetArch: wanted.libbpf, native: wanted === host };
}
