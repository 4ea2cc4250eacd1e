import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';

/** POSIX is for the children, who would each read it. */
const SCRIPT = `
$| = 1; require POSIX;
while (<STDIN>) {
  my ($producers, $n, $mod) = split;
  for my $p (1 .. $producers) {
    my $pid = fork;
    next if $pid;
    for (my $i = 0; $i < $n; $i++) { getpgrp(1000000 + $i % $mod) }
    POSIX::_exit(0);
  }
  1 while wait != -1;
  print "ok\\n";
}`;

/** A process whose children make getpgid system calls, many of them at once; a probe narrows itself to their parent. */
export class Crowd implements Disposable {
  readonly #child: ChildProcess = spawn('perl', ['-e', SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
  readonly #lines: Interface = createInterface(this.#child.stdout!);

  get pid(): number {
    return this.#child.pid!;
  }

  /** Resolves when each of so many children has made `n` calls, with the arguments 0 … mod - 1 in turn. */
  async produce(producers: number, n: number, mod: number): Promise<void> {
    const done = once(this.#lines, 'line');
    this.#child.stdin!.write(`${producers} ${n} ${mod}\n`);
    await done;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
    this.#lines.close();
  }
}
