import { type ExecFileOptions, execFile } from 'node:child_process';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** Runs a program to its end and gives what it printed; a failure names the program and shows its words. */
export async function run(file: string, args: string[], options: ExecFileOptions = {}): Promise<string> {
  const { stdout } = await exec(file, args, { maxBuffer: 1 << 28, ...options, encoding: 'utf8' });
  return stdout;
}

/** The same for a program whose output is not text. */
export async function runBytes(file: string, args: string[]): Promise<Buffer> {
  const { stdout } = await exec(file, args, { maxBuffer: 1 << 28, encoding: 'buffer' });
  return stdout;
}
