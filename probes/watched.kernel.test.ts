/** skep_task_watched() and skep_socket_watched(): asked of every task and socket while the one that asks is another. */
import { deepStrictEqual } from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import type { ParamSetting } from '@skep/probe';
import { type Sink, startRun } from '@skep/runtime';
import { type MemoryCgroup, makeMemoryCgroup } from '../scripts/lib/memory-cgroup.ts';
import { fixture } from '../test/support/fixtures.ts';
import { skip } from './support/skip.ts';

/** Under a name and a user of its own it listens on loopback, says where, and ends with its input. */
const SCRIPT = `
  use Socket; $| = 1; my ($name, $uid) = @ARGV;
  $0 = $name; $( = $) = "$uid $uid"; $< = $> = $uid;
  socket(my $s, PF_INET, SOCK_STREAM, 0) or die;
  bind($s, sockaddr_in(0, INADDR_LOOPBACK)) && listen($s, 1) or die;
  my ($port) = sockaddr_in(getsockname($s)); print "$port\\n"; <STDIN>`;

let made = 0;

/** A process in a cgroup of its own. */
class Owner implements AsyncDisposable {
  readonly comm: string;
  readonly uid: number;
  readonly cgroup: MemoryCgroup;
  readonly port: string;
  readonly #child: ChildProcess;

  private constructor(comm: string, uid: number, cgroup: MemoryCgroup, child: ChildProcess, port: string) {
    [this.comm, this.uid, this.cgroup, this.#child, this.port] = [comm, uid, cgroup, child, port];
  }

  static async start(comm: string, uid: number): Promise<Owner> {
    const cgroup = makeMemoryCgroup(`skep-watched-${process.pid}-${++made}`, 1 << 30);
    const enter = `${cgroup.enter} && exec "$@"`;
    const child = spawn('sh', ['-c', enter, 'sh', 'perl', '-e', SCRIPT, comm, String(uid)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    for await (const port of createInterface(child.stdout)) return new Owner(comm, uid, cgroup, child, port);
    throw new Error(`${comm} ended before it listened`);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#child, 'close');
    this.#child.stdin!.end();
    await closed;
    this.cgroup.remove();
  }
}

/** What the two iterators name, narrowed so. */
async function seen(params: Record<string, ParamSetting>): Promise<{ tasks: number[]; sockets: number[] }> {
  const found: { map: string; value: number }[] = [];
  const sink: Sink = {
    name: 'found',
    record(stream, view, offset, length) {
      const row = JSON.parse(stream.json(view, offset, length)) as Record<string, number>;
      found.push(...Object.values(row).map((value) => ({ map: stream.map, value })));
    },
  };
  const objects = [{ name: 'watched.o', bytes: await fixture(new URL('./watched.bpf.c', import.meta.url)) }];
  const run = await startRun({ name: 'watched', objects, params, sinks: [sink] });
  const { error } = await run.closed;
  if (error) throw error;
  const of = (map: string) =>
    found
      .filter((f) => f.map === map)
      .map((f) => f.value)
      .sort((a, b) => a - b);
  return { tasks: of('tasks'), sockets: of('sockets') };
}

test('a task or socket that is not current belongs to its owners', { skip }, async () => {
  await using chosen = await Owner.start(`watched-${process.pid}`, 1e9 + process.pid);
  await using other = await Owner.start(`other-${process.pid}`, 2e9 + process.pid);
  const ports = `${chosen.port},${other.port}`;
  const ascending = (...numbers: (number | string)[]) => numbers.map(Number).sort((a, b) => a - b);
  const [both, bothPorts] = [ascending(chosen.pid, other.pid), ascending(chosen.port, other.port)];
  const pids = `${chosen.pid},${other.pid}`;

  // By each owner: of tasks all tell; of sockets the cgroup does, and by the others none is known to be one's own.
  for (const [name, mine, ours] of [
    ['target_pid', String(chosen.pid), pids],
    ['target_comm', chosen.comm, `${chosen.comm},${other.comm}`],
    ['target_uid', String(chosen.uid), `${chosen.uid},${other.uid}`],
    ['target_cgroup', chosen.cgroup.path, `${chosen.cgroup.path},${other.cgroup.path}`],
  ] as const) {
    const cgroup = name === 'target_cgroup';
    const one = await seen({ ports, [name]: mine });
    deepStrictEqual(one, { tasks: [chosen.pid], sockets: cgroup ? [Number(chosen.port)] : [] }, name);
    const two = await seen({ ports, [name]: ours });
    deepStrictEqual(two, { tasks: both, sockets: cgroup ? bothPorts : [] }, `${name}, both`);
  }

  // What lies below a cgroup is its own, and each flag narrows further.
  const parent = dirname(chosen.cgroup.path);
  deepStrictEqual((await seen({ ports, target_cgroup: parent })).sockets, bothPorts, 'below');
  deepStrictEqual((await seen({ ports, target_cgroup: parent, target_pid: pids })).tasks, both, 'below');
  const none = await seen({ ports, target_pid: String(chosen.pid), target_uid: String(other.uid) });
  deepStrictEqual(none, { tasks: [], sockets: [] });
  const comm = await seen({ ports, target_pid: pids, target_comm: `${other.comm},no-such` });
  deepStrictEqual(comm.tasks, [other.pid]);
});

test('without owners every socket passes', { skip }, async () => {
  await using chosen = await Owner.start(`watched-${process.pid}`, 1e9 + process.pid);
  const { sockets } = await seen({ ports: chosen.port });
  deepStrictEqual(sockets, [Number(chosen.port)]);
});
