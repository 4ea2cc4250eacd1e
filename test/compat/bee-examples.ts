/**
 * bee's nine examples: what each is to see, and how its data shows that it did. The events are our own, so what must
 * come out is known beforehand.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { makeMemoryCgroup } from '../../scripts/lib/memory-cgroup.ts';

export interface Row {
  map: string;
  data: Record<string, unknown>;
}

export interface Example {
  /** The folder, below bee's examples. */
  name: string;
  /** The event, for the table. */
  event: string;
  /** The map whose data proves it. */
  map: string;
  /** Its metric in skep's words; rows are not counted. */
  metric?: string;
  provoke(): Promise<void> | void;
  /** Whether a row of that map is the event that was provoked. */
  isIt(row: Row): boolean;
  /** How many such rows there are at least, or what the series' value is. */
  atLeast: number;
}

const CONNECTS = 3;

/** Connects over loopback, `CONNECTS` times, one after the other. */
async function connectOverLoopback(): Promise<void> {
  const server = createServer((socket) => socket.on('error', () => socket.destroy()).end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  for (let i = 0; i < CONNECTS; i++) {
    const socket = connect(port, '127.0.0.1').resume();
    await once(socket, 'close');
  }
  server.close();
  await once(server, 'close');
}

/** One process is killed in a cgroup of 64 MiB. */
function killOne(): void {
  using cgroup = makeMemoryCgroup('compat', 64 << 20);
  spawnSync('sh', ['-c', `${cgroup.enter} && exec tail /dev/zero`]);
  if (cgroup.oomKills() !== 1) throw new Error(`the kernel killed ${cgroup.oomKills()}`);
}

const loopback = { saddr: '127.0.0.1', daddr: '127.0.0.1' };
const between = (row: Row): boolean => row.data.saddr === loopback.saddr && row.data.daddr === loopback.daddr;

/** @param nfs a folder mounted through NFS */
export const examples = (nfs: string): readonly Example[] => [
  {
    name: 'activeconn',
    event: `${CONNECTS} connections over loopback`,
    map: 'gauge_sockets_ext',
    metric: 'skep_sockets_ext',
    provoke: connectOverLoopback,
    isIt: between,
    atLeast: 1,
  },
  {
    name: 'capable',
    event: 'chown: CAP_CHOWN is asked for',
    map: 'print_events',
    provoke: () => {
      writeFileSync('/tmp/compat-chown', '');
      execFileSync('chown', ['1:1', '/tmp/compat-chown']);
    },
    isIt: ({ data }) => data.task === 'chown' && data.cap === 0 && data.uid === 0,
    atLeast: 1,
  },
  {
    name: 'exitsnoop',
    event: 'a process exits with status 7',
    map: 'print_exits',
    provoke: () => void spawnSync('sh', ['-c', 'exit 7']),
    isIt: ({ data }) => data.comm === 'sh' && data.exit_code === 7 && data.ppid === process.pid,
    atLeast: 1,
  },
  {
    name: 'kprobetcp',
    event: `${CONNECTS} connections over loopback`,
    map: 'print_events',
    provoke: connectOverLoopback,
    isIt: ({ data }) => data.pid === process.pid && data.uid === 0,
    atLeast: CONNECTS,
  },
  {
    name: 'nfsstats',
    event: 'a file is written and read over NFS',
    map: 'hist_nfs_op_time_us',
    metric: 'skep_nfs_op_time_seconds_count',
    provoke: () => {
      writeFileSync(`${nfs}/compat-file`, 'written\n');
      execFileSync('dd', [`if=${nfs}/compat-file`, 'of=/dev/null'], { stdio: 'ignore' });
      if (readFileSync(`${nfs}/compat-file`, 'utf8') !== 'written\n') throw new Error('NFS lost the file');
    },
    isIt: ({ data }) => data.fname === 'compat-file',
    atLeast: 1,
  },
  {
    name: 'oomkill',
    event: 'a process is killed in a cgroup of 64 MiB',
    map: 'counter_oomkills',
    metric: 'skep_oomkills_total',
    provoke: killOne,
    isIt: ({ data }) => data.tcomm === 'tail' && data.fcomm === 'tail',
    atLeast: 1,
  },
  {
    name: 'opensnoop',
    event: 'a file that is not there is opened',
    map: 'print_events',
    provoke: () => void spawnSync('cat', ['/no/such/file']),
    isIt: ({ data }) => data.fname === '/no/such/file' && data.ret === -2 && data.comm === 'cat',
    atLeast: 1,
  },
  {
    name: 'tcpconnect',
    event: `${CONNECTS} connections over loopback`,
    map: 'counter_events_hash',
    metric: 'skep_events_hash_total',
    provoke: connectOverLoopback,
    isIt: between,
    atLeast: CONNECTS,
  },
  {
    name: 'tcpconnlat',
    event: `${CONNECTS} connections over loopback`,
    map: 'print_events',
    provoke: connectOverLoopback,
    isIt: ({ data }) => data.daddr_v4 === '127.0.0.1' && (data.delta_us as number) >= 0,
    atLeast: CONNECTS,
  },
];
