import { spawn } from 'node:child_process';

/** How a program ended, and what it wrote. */
export interface RunResult {
  /** Exit code; -1 when a signal ended it. */
  status: number;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program without a shell and collects its output.
 *
 * @param progress takes what it writes, to either, while it runs
 * @throws the spawn error (`ENOENT`, `EACCES`) when it cannot be started
 */
export function run(
  command: string,
  args: readonly string[],
  cwd?: string,
  progress?: (text: string) => void,
): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    if (progress)
      for (const from of [child.stdout, child.stderr]) from.on('data', (c) => progress(String(c)));
    child.on('error', reject);
    child.on('close', (code) => {
      const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString('utf8');
      resolve({ status: code ?? -1, stdout: text(stdout), stderr: text(stderr) });
    });
  });
}
