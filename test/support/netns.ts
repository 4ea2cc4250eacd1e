import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';

/** "udp N": N datagrams from a socket to another over loopback, each awaited; "lose N": not awaited. "tcp N": N connections. "join DIR". */
const SCRIPT = String.raw`
use Socket;
$| = 1;
my $local = pack_sockaddr_in(0, inet_aton("127.0.0.1"));
sub made { my ($type, $proto) = @_; socket(my $s, PF_INET, $type, $proto) or die; bind($s, $local) or die; $s }
while (<STDIN>) {
  my ($what, $n) = split;
  if ($what eq "udp") {
    my ($to, $from) = (made(SOCK_DGRAM, 17), made(SOCK_DGRAM, 17));
    for (1 .. $n) { send($from, "x", 0, getsockname($to)) or die; recv($to, my $got, 9, 0) }
  } elsif ($what eq "lose") {
    my ($to, $from) = (made(SOCK_DGRAM, 17), made(SOCK_DGRAM, 17));
    for (1 .. $n) { send($from, "x", 0, getsockname($to)) or die }
  } elsif ($what eq "tcp") {
    my $to = made(SOCK_STREAM, 6); listen($to, 9) or die;
    for (1 .. $n) {
      socket(my $from, PF_INET, SOCK_STREAM, 6); connect($from, getsockname($to)) or die; accept(my $got, $to);
    }
  } elsif ($what eq "join") { open(my $f, ">", "$n/cgroup.procs") or die; print $f $$; close $f or die }
  print "ok\n";
}`;

/** A process in a network namespace of its own, whose loopback interface is up: all traffic there is its own. */
export class Netns implements Disposable {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  private constructor() {
    this.#child = spawn('unshare', ['-n', 'perl', '-e', SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface(this.#child.stdout!);
    // When it is gone, whoever waits for its answer is told.
    this.#child.stdin!.on('error', () => undefined);
  }

  static async make(): Promise<Netns> {
    const made = new Netns();
    // Its first answer means that unshare has become perl, in the new namespace.
    await made.do('ready');
    made.run('ip', 'link', 'set', 'lo', 'up');
    return made;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Runs a command of the machine in the namespace; returns what it says. */
  run(...command: [string, ...string[]]): string {
    const args = ['-t', String(this.pid), '-n', ...command];
    return execFileSync('nsenter', args, {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    });
  }

  /** Resolves when it is done: `udp 10`, `tcp 3`, `join /sys/fs/cgroup/x`. */
  async do(work: string): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    const gone = (code: number | null, signal: string | null) =>
      new Error(`the process in the network namespace ended with ${signal ?? code}, at "${work}"`);
    if (exitCode !== null || signalCode !== null) throw gone(exitCode, signalCode);
    const done = new Promise<void>((resolve, reject) => {
      const ended = (code: number | null, signal: string | null) => reject(gone(code, signal));
      this.#child.once('exit', ended);
      this.#lines.once('line', () => {
        this.#child.off('exit', ended);
        resolve();
      });
    });
    this.#child.stdin!.write(`${work}\n`);
    await done;
  }

  /** Ends it and waits, so that a cgroup it was in can be removed. */
  async gone(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this[Symbol.dispose]();
    await ended;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
    this.#lines.close();
  }
}
