/** A kernel the tests run on: what we call it, and which Debian package holds it. */
export interface KernelLine {
  name: string;
  /** The package's name without its version, as a pattern over the names in the apt lists at hand. */
  package: RegExp;
}

/**
 * Both are in Debian 12's own lists. Another line is a row here, plus an apt list of its own in fetch.ts if
 * Debian 12 does not carry it.
 */
export const kernels: readonly KernelLine[] = [
  { name: '6.1', package: /^linux-image-6\.1\.\d+-\d+-cloud-amd64$/ },
  { name: '6.12', package: /^linux-image-6\.12\.\d+\+deb12-cloud-amd64$/ },
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
];

/** Finds a line by its name, or says which there are. */
export function kernelLine(name: string): KernelLine {
  const line = kernels.find((k) => k.name === name);
  if (!line) throw new Error(`no kernel ${name}; there are ${kernels.map((k) => k.name).join(', ')}`);
  return line;
}
