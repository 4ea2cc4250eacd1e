import { ProbeError } from '../errors.ts';
import { run } from './run.ts';

/** The text of vmlinux.h for a file of BTF. @throws {ProbeError} `SKEP_VMLINUX` */
export async function dumpHeader(btf: string): Promise<string> {
  const { status, stdout, stderr } = await run('bpftool', ['btf', 'dump', 'file', btf, 'format', 'c']);
  if (status === 0) return stdout;
  const message = `vmlinux.h cannot be made from ${btf}: ${stderr.trim()}`;
  throw new ProbeError('SKEP_VMLINUX', message, { hint: 'Name a header of your own with --vmlinux FILE.' });
}
