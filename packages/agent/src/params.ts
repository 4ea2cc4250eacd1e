import { type BigIntStats, existsSync, readFileSync, readlinkSync, statSync } from 'node:fs';
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
  list('target_cgroup', watch.cgroup);
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

/** Our id as the kernel's programs see it, whatever namespace of pids we are in; /proc knows when it is the machine's. */
export function ownPid(): number {
  const outer = /^NSpid:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return outer === undefined ? process.pid : Number(outer);
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
  if (!/^[1-9]\d*$/.test(pid) || !existsSync(`/proc/${pid}`))
    throw new AgentError(
      'SKEP_AGENT_CONFIG',
      `--pid ${pid}: there is no such process`,
      'pgrep -f NAME finds ids. --exe FILE watches a program whenever it runs, --cgroup DIR a service.',
    );
  return pid;
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
  return String(file.ino);
}

function namespaceOf(text: string): string {
  try {
    if (/^\d+$/.test(text)) {
      // A pid where there is such a process, else an inode number: those begin at 4026531840.
      if (Number(text) >= 0xf000_0000) return text;
      return /\[(\d+)\]/.exec(readlinkSync(`/proc/${text}/ns/net`))![1]!;
    }
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
