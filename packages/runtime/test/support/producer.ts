import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';

const SCRIPT = `
$| = 1;
while (<STDIN>) {
  my ($n, $mod) = split;
  for (my $i = 0; $i < $n; $i++) { getpgrp(1000000 + $i % $mod) }
  print "ok\\n";
}`;

/**
 * A process that makes getpgid system calls on demand, so that a probe narrowed to its pid sees exactly those:
 * the i-th call's argument is 1,000,000 + i modulo `mod`.
 */
export class Producer implements Disposable {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  constructor() {
    this.#child = spawn('perl', ['-e', SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface(this.#child.stdout!);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Resolves when all calls were made. */
  async produce(n: number, mod = 1): Promise<void> {
    const done = new Promise<void>((resolve) => {
      this.#lines.once('line', () => resolve());
    });
    this.#child.stdin!.write(`${n} ${mod}\n`);
    await done;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
    this.#lines.close();
  }
}

/** C that every test probe begins with: `argument(ctx)` of a watched getpgid call, or -1. */
export const WATCH = `
SKEP_PARAM(__u32, target_pid, 0, "only this process");
static __always_inline long argument(struct trace_event_raw_sys_enter *ctx)
{
	if (!target_pid || bpf_get_current_pid_tgid() >> 32 != target_pid)
		return -1;
	return (long)ctx->args[0] - 1000000;
}
`;
