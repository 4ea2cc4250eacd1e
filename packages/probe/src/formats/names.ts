import { constants as fs, readFileSync } from 'node:fs';
import { constants } from 'node:os';

/** Names by number, the first of several kept (EAGAIN before EWOULDBLOCK). */
function byNumber(names: Readonly<Record<string, number>>): Map<number, string> {
  const out = new Map<number, string>();
  for (const [name, number] of Object.entries(names)) if (!out.has(number)) out.set(number, name);
  return out;
}

const ERRNO = byNumber(constants.errno);
// Never seen by programs, but by probes: the kernel's own reasons to run a syscall again (linux/errno.h).
for (const [number, name] of [
  [512, 'ERESTARTSYS'],
  [513, 'ERESTARTNOINTR'],
  [514, 'ERESTARTNOHAND'],
  [515, 'ENOIOCTLCMD'],
  [516, 'ERESTART_RESTARTBLOCK'],
  [517, 'EPROBE_DEFER'],
] as const) {
  ERRNO.set(number, name);
}
const SIGNALS = byNumber(constants.signals);

/** `2` and `-2` to `ENOENT`; what has no name stays a number. */
export function errnoText(value: number): string {
  return ERRNO.get(Math.abs(value)) ?? String(value);
}

/** `ENOENT` to 2. */
export function errnoNumber(name: string): number | undefined {
  for (const [number, known] of ERRNO) if (known === name) return number;
  return undefined;
}

/** `15` to `SIGTERM`; real-time signals as `SIGRTMIN+n`. */
export function signalText(value: number): string {
  // 34 is the first that the C library leaves to programs.
  return SIGNALS.get(value) ?? (value >= 34 && value <= 64 ? `SIGRTMIN+${value - 34}` : String(value));
}

/** `SIGTERM` or `TERM` to 15. */
export function signalNumber(name: string): number | undefined {
  const full = name.startsWith('SIG') ? name : `SIG${name}`;
  return (constants.signals as Readonly<Record<string, number>>)[full];
}

// include/net/tcp_states.h
const TCP_STATES = [
  '',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
  'NEW_SYN_RECV',
  'BOUND_INACTIVE',
];

/** `1` to `ESTABLISHED`. */
export function tcpStateText(value: number): string {
  return TCP_STATES[value] || String(value);
}

/** `ESTABLISHED` to 1. */
export function tcpStateNumber(name: string): number | undefined {
  const at = TCP_STATES.indexOf(name);
  return at > 0 ? at : undefined;
}

// Wide ones first: O_SYNC contains O_DSYNC, O_TMPFILE contains O_DIRECTORY. Node names those that differ by machine.
const OPEN_FLAGS: readonly (readonly [bits: number, name: string])[] = [
  [0o20000000 | fs.O_DIRECTORY, 'O_TMPFILE'],
  [fs.O_SYNC, 'O_SYNC'],
  [fs.O_DSYNC, 'O_DSYNC'],
  [fs.O_CREAT, 'O_CREAT'],
  [fs.O_EXCL, 'O_EXCL'],
  [fs.O_NOCTTY, 'O_NOCTTY'],
  [fs.O_TRUNC, 'O_TRUNC'],
  [fs.O_APPEND, 'O_APPEND'],
  [fs.O_NONBLOCK, 'O_NONBLOCK'],
  [fs.O_DIRECT, 'O_DIRECT'],
  [process.arch === 'x64' ? 0o100000 : 0o400000, 'O_LARGEFILE'],
  [fs.O_DIRECTORY, 'O_DIRECTORY'],
  [fs.O_NOFOLLOW, 'O_NOFOLLOW'],
  [fs.O_NOATIME, 'O_NOATIME'],
  [0o2000000, 'O_CLOEXEC'],
  [0o10000000, 'O_PATH'],
  [0o20000, 'O_ASYNC'],
];
const ACCESS = ['O_RDONLY', 'O_WRONLY', 'O_RDWR', 'O_ACCMODE'];

/** The flags of open(2): `577` to `O_WRONLY|O_CREAT|O_TRUNC`; bits without a name as one hexadecimal number. */
export function openFlagsText(value: number): string {
  const names = [ACCESS[value & 3]!];
  let rest = value & ~3;
  for (const [bits, name] of OPEN_FLAGS) {
    if ((rest & bits) !== bits) continue;
    names.push(name);
    rest &= ~bits;
  }
  if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`);
  return names.join('|');
}

const FILE_TYPES = '?pc?d?b?-?l?s???';

/** The mode of a file as `ls -l` shows it: `33188` to `-rw-r--r--`; `-` in front too where there is no type, as in open(2). */
export function fileModeText(mode: number): string {
  const type = mode >>> 12 === 0 ? '-' : (FILE_TYPES[mode >>> 12] ?? '?');
  const of = (bits: number, special: boolean, letter: string): string => {
    const x = bits & 1 ? (special ? letter : 'x') : special ? letter.toUpperCase() : '-';
    return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${x}`;
  };
  const [suid, sgid, sticky] = [0o4000, 0o2000, 0o1000].map((bit) => (mode & bit) !== 0) as [
    boolean,
    boolean,
    boolean,
  ];
  return `${type}${of(mode >> 6, suid, 's')}${of(mode >> 3, sgid, 's')}${of(mode, sticky, 't')}`;
}

let users: Map<number, string> | undefined;
let groups: Map<number, string> | undefined;

/** A uid to the user's name as /etc/passwd has it; read once. */
export function userText(uid: number): string {
  users ??= readNames('/etc/passwd');
  return users.get(uid) ?? String(uid);
}

/** A gid to the group's name as /etc/group has it; read once. */
export function groupText(gid: number): string {
  groups ??= readNames('/etc/group');
  return groups.get(gid) ?? String(gid);
}

/** A user's name to the uid; undefined when /etc/passwd has no such user. */
export function userNumber(name: string): number | undefined {
  users ??= readNames('/etc/passwd');
  for (const [uid, known] of users) if (known === name) return uid;
  return undefined;
}

/** Names by number, which stand in the third place of each line of both files. */
function readNames(file: string): Map<number, string> {
  const names = new Map<number, string>();
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // A container without the file: ids stay numbers.
    return names;
  }
  for (const line of text.split('\n')) {
    const [name, , uid] = line.split(':');
    if (name && uid && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}
