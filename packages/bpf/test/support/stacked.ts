import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A program that prints addresses, then `end`, and waits on its standard input. */
export interface Stacked extends AsyncDisposable {
  readonly pid: number;
  readonly addresses: bigint[];
  readonly child: ChildProcess;
}

/** Starts it and reads what it prints. Ended with the test. */
export async function stacked(
  command: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Stacked> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
  const addresses: bigint[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'end') break;
    addresses.push(BigInt(`0x${line}`));
  }
  return {
    pid: child.pid!,
    addresses,
    child,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.stdin.end();
      child.stdout.resume();
      if (child.exitCode === null) await ended;
    },
  };
}
