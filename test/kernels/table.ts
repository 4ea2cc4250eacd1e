import { type AptSource, bookworm } from '../../scripts/lib/apt.ts';
import type { Architecture } from './machine.ts';

/** A kernel the tests run on: what we call it, and which Debian package holds it. */
export interface KernelLine {
  name: string;
  architecture: Architecture;
  source: AptSource;
  /** The package that holds the kernel, as a pattern over names; its group is what `beside` is followed by. */
  package: RegExp;
  /** Beginnings of the names of packages that hold the rest, where one package does not hold all. */
  beside?: readonly string[];
}

const bullseye: AptSource = { name: 'bullseye', architecture: 'amd64', suites: [['bullseye', 'debian']] };
const sid: AptSource = { name: 'sid', architecture: 'amd64', suites: [['sid', 'debian']] };

/** Debian's kernels for clouds: small, with BTF, kprobes and trampolines. */
export const kernels: readonly KernelLine[] = [
  {
    name: '5.10',
    architecture: 'x64',
    source: bullseye,
    package: /^linux-image-(5\.10\.\d+-\d+-cloud-amd64)$/,
  },
  {
    name: '6.1',
    architecture: 'x64',
    source: bookworm('amd64'),
    package: /^linux-image-(6\.1\.\d+-\d+-cloud-amd64)$/,
  },
  {
    name: '6.12',
    architecture: 'x64',
    source: bookworm('amd64'),
    package: /^linux-image-(6\.12\.\d+\+deb12-cloud-amd64)$/,
  },
  {
    name: '7.2',
    architecture: 'x64',
    source: sid,
    package: /^linux-binary-(7\.2\.\d+\+deb\d+-cloud-amd64)$/,
    beside: ['linux-modules-', 'linux-base-'],
  },
  {
    name: '6.1-arm64',
    architecture: 'arm64',
    source: bookworm('arm64'),
    package: /^linux-image-(6\.1\.\d+-\d+-cloud-arm64)$/,
  },
  {
    name: '6.12-arm64',
    architecture: 'arm64',
    source: bookworm('arm64'),
    package: /^linux-image-(6\.12\.\d+\+deb12-cloud-arm64)$/,
  },
];

/** Modules a guest can load with modprobe, with all they depend on. */
export const modules: readonly string[] = [
  'nfs',
  'nfsv4',
  'nfsd',
  'veth',
  'dummy',
  'sch_ingress',
  'cls_bpf',
  'overlay',
  'tls',
  'gcm',
  'ctr',
  'ghash_generic',
];

/** Finds a line by its name, or says which there are. */
export function kernelLine(name: string): KernelLine {
  const line = kernels.find((k) => k.name === name);
  if (!line) throw new Error(`no kernel ${name}; there are ${kernels.map((k) => k.name).join(', ')}`);
  return line;
}
