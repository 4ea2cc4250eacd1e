import { closeSync, constants, fstatSync, ftruncateSync, openSync, writeFileSync } from 'node:fs';
import type * as Bpf from '@skep/bpf';
import { machinePlatform } from '@skep/oci';
import type { ProbeImage } from '@skep/probe';
import { CliError, explain } from '../errors.ts';
import { note } from '../output/out.ts';

/** What loading and attaching always needs. CAP_SYS_ADMIN stands in for both, as before Linux 5.8. */
const needed = ['CAP_BPF', 'CAP_PERFMON'];

/**
 * Throws SKEP_PERMISSION when this process may not load programs, before anything is read or asked of the kernel. `command`:
 * what would do as root, such as `run IMAGE`. A root without the rights is one in a container or a service.
 */
export function checkPrivileges(
  have: ReadonlySet<string>,
  command: string,
  isRoot = process.geteuid?.() === 0,
): void {
  if (have.has('CAP_SYS_ADMIN')) return;
  const missing = needed.filter((c) => !have.has(c));
  if (missing.length === 0) return;
  throw new CliError(
    'SKEP_PERMISSION',
    `running a probe needs ${missing.join(' and ')}, which this process does not have`,
    isRoot
      ? `In a container: ${missing.map((c) => `--cap-add ${c.replace('CAP_', '')}`).join(' ')}. In a unit: AmbientCapabilities=${missing.join(' ')}`
      : `sudo skep ${command}\n${setcapAdvice()}`,
  );
}

/**
 * Throws SKEP_PLATFORM for an image that was built for another architecture: its bytecode would load here, and read
 * the arguments of kernel functions from the wrong registers.
 */
export function checkPlatform(image: ProbeImage, program: string): void {
  const { os, architecture } = machinePlatform();
  const built = image.platform?.split('/')[1];
  if (built === undefined || built === 'unknown' || built === architecture) return;
  throw new CliError(
    'SKEP_PLATFORM',
    `${program} was built for ${image.platform}, and this machine is ${os}/${architecture}`,
    `Build it here from its sources, or, where its registry has it for both: skep pull --platform ${os}/${architecture} ${program}`,
  );
}

/**
 * Opens the file for the end, when the right to may be gone; what it has stays until then.
 *
 * @throws CliError SKEP_USAGE, before anything runs, for a file that cannot be written
 */
export function openSummaryFile(path: string): number {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o666);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new CliError(
      'SKEP_USAGE',
      `--summary ${path}: the file cannot be written (${code})`,
      'Name a file in a folder that is there and may be written to.',
    );
  }
}

/** Writes it in the place of what the file had. */
export function writeSummary(fd: number, text: string): void {
  // A pipe or a device has no length.
  if (fstatSync(fd).isFile()) ftruncateSync(fd);
  writeFileSync(fd, text);
  closeSync(fd);
}

/** How to give the right to Node itself, and what that means. */
export function setcapAdvice(): string {
  return (
    `or, for every script that this Node runs: ` +
    `sudo setcap cap_bpf,cap_perfmon,cap_net_admin,cap_dac_read_search+ep ${process.execPath}`
  );
}

/** Mounts tracefs, which probes on tracepoints and kprobes need, where it is not and we may. */
export function provideTracefs(bpf: typeof Bpf): void {
  if (bpf.tracefs() === undefined) mounted('tracefs', bpf.ensureTracefs);
}

/** The same for bpffs, when something is to be pinned. */
export function provideBpffs(bpf: typeof Bpf): void {
  if (bpf.bpffs() === undefined) mounted('bpffs', bpf.ensureBpffs);
}

/** A probe that does without runs; one that needs it fails later, and names its hook. */
function mounted(what: string, ensure: () => string): void {
  try {
    note(`mounted ${what} on ${ensure()}`);
  } catch (e) {
    const { message, hint } = explain(e);
    note(`${message}. ${hint}`);
  }
}
