import {
  type BigIntStats,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { Host } from '@skep/identity';
import { AgentError } from './errors.ts';
import type { Sampling, Watch } from './options.ts';

/** What the probes' parameters are set to. */
export function probeParams(
  watch: Watch,
  sampling: Sampling,
  callers: boolean,
): Record<string, string | string[]> {
  const params: Record<string, string | string[]> = {
    own_pid: String(ownPid()),
    callers: String(callers),
  };
  const list = (name: string, values: readonly string[] | undefined): void => {
    if (values !== undefined && values.length > 0) params[name] = [...values];
  };
  list('target_port', watch.port?.map(portsOf));
  list('target_pid', watch.pid?.map(processOf));
  list('target_cgroup', watch.cgroup?.map(cgroupOf));
  list('target_exe', watch.exe?.map(inodeOf));
  list('target_netns', watch.netns?.map(namespaceOf));
  const gap = (name: string, ms: number | undefined): void => {
    if (ms !== undefined) params[name] = ms === 0 ? '0' : `${ms}ms`;
  };
  gap('error_gap', sampling.errorMs);
  gap('slow_gap', sampling.slowMs);
  gap('sample_gap', sampling.anyMs);
  return params;
}

/** PROC_PID_INIT_INO: the machine's own namespace of pids, the same on every kernel since 3.8. */
const MACHINE = 0xeffffffc;

/**
 * Our id as the kernel's programs see it, whatever namespace of pids we are in; /proc knows when it is the machine's.
 *
 * @throws AgentError SKEP_AGENT_PIDS where it is not: there each process would be taken for another, and we for nobody
 */
export function ownPid(proc = '/proc'): number {
  const ids = /^NSpid:\s+(.*)$/m.exec(readFileSync(`${proc}/self/status`, 'utf8'))?.[1]?.split(/\s+/);
  if (ids === undefined) return process.pid;
  const namespace = Number(/\[(\d+)\]/.exec(readlinkSync(`${proc}/self/ns/pid`))?.[1]);
  if (ids.length === 1 && namespace !== MACHINE)
    throw new AgentError(
      'SKEP_AGENT_PIDS',
      "the agent is in a container of its own process ids, where it cannot see whose the machine's are",
      'Give it those of the machine: --pid host (docker, podman), hostPID: true (Kubernetes).',
    );
  return Number(ids[0]);
}

/** A port, or a range of them. */
function portsOf(text: string): string {
  const [from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(text)?.slice(1) ?? [];
  if (Number(from) >= 1 && Number(from) <= Number(to) && Number(to) <= 65_535) return text;
  throw new AgentError(
    'SKEP_AGENT_CONFIG',
    `--port "${text}" is no port`,
    'A number from 1 to 65535, or a range such as 8000-8010.',
  );
}

/** A process that ended, or one mistyped, would be a quiet machine. */
function processOf(pid: string): string {
  const refusal = (why: string) =>
    new AgentError(
      'SKEP_AGENT_CONFIG',
      `--pid ${pid}: ${why}`,
      'pgrep -f NAME finds ids. --exe FILE watches a program whenever it runs, --cgroup DIR a service.',
    );
  if (!/^[1-9]\d*$/.test(pid) || !existsSync(`/proc/${pid}`)) throw refusal('there is no such process');
  // /proc answers for threads as well, which it does not list.
  const process = /^Tgid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (process !== undefined && process !== pid) throw refusal(`that is a thread of process ${process}`);
  return pid;
}

/** A folder, as a path of this machine or of the tree of cgroups; the probe knows its id. */
function cgroupOf(text: string): string {
  const { cgroup2 = '' } = new Host();
  if (/^\d+$/.test(text) || (text !== '' && (existsSync(text) || existsSync(cgroup2 + text)))) return text;
  throw new AgentError(
    'SKEP_AGENT_CONFIG',
    `--cgroup ${text}: there is no such folder`,
    'Name a cgroup (v2) by its folder, such as /sys/fs/cgroup/user.slice, or /user.slice.',
  );
}

/** A program is known in the kernel by its file's inode. */
function inodeOf(path: string): string {
  const refusal = (why: string, cause?: unknown) =>
    new AgentError(
      'SKEP_AGENT_CONFIG',
      `--exe ${path}: ${why}`,
      'Name the program by its full path; of a running one, /proc/PID/exe.',
      cause,
    );
  let file: BigIntStats;
  try {
    file = statSync(path, { bigint: true });
  } catch (error) {
    throw refusal('there is no such file that can be read', error);
  }
  if (!file.isFile()) throw refusal('that is not a file');
  const interpreter = interpreterOf(path);
  if (interpreter !== undefined) throw refusal(`that is a script, which ${interpreter} runs`);
  return String(file.ino);
}

/** What a script says runs it; a process that runs a script is its interpreter's. Undefined for any other file. */
function interpreterOf(path: string): string | undefined {
  const head = Buffer.alloc(256);
  let length = 0;
  try {
    const fd = openSync(path, 'r');
    try {
      length = readSync(fd, head);
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined; // to be run it need not be readable
  }
  return /^#!\s*(\S+)/.exec(head.toString('utf8', 0, length))?.[1];
}

/** NSFS_MAGIC: where namespaces are files. */
const NSFS = 0x6e736673;

function namespaceOf(text: string): string {
  try {
    if (/^\d+$/.test(text)) {
      // No pid is above PID_MAX_LIMIT. Inode numbers of namespaces begin at 4026531840; since 6.18 the machine's own is below that.
      if (Number(text) > 4_194_304) return text;
      return /\[(\d+)\]/.exec(readlinkSync(`/proc/${text}/ns/net`))![1]!;
    }
    if (statfsSync(text).type !== NSFS) throw new Error('not of nsfs');
    return String(statSync(text, { bigint: true }).ino);
  } catch (error) {
    throw new AgentError(
      'SKEP_AGENT_CONFIG',
      `--netns ${text} names no network namespace`,
      'Give a path as /run/netns/NAME, the id of a process in it, or its inode number.',
      error,
    );
  }
}
