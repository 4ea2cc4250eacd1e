import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';

const cleanups = new WeakMap<TestContext, (() => unknown)[]>();

/** Undoes something after the test, the last thing first: Node's own hooks run in the order in which they were given. */
export function afterwards(t: TestContext, undo: () => unknown): void {
  const list = cleanups.get(t);
  if (list !== undefined) {
    list.push(undo);
    return;
  }
  const first = [undo];
  cleanups.set(t, first);
  t.after(async () => {
    for (const one of first.reverse()) await one();
  });
}

export interface Started {
  pid: number;
  child: ChildProcess;
  /** What it had said when it was ready. */
  said: string;
  end(): Promise<void>;
}

/** Starts a program and waits for its first line; it ends with the test. */
export async function started(
  t: TestContext,
  command: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Started> {
  const env = { PATH: process.env.PATH!, ...options.env };
  // A process group of its own, so that what it starts ends with it.
  const child = spawn(command[0]!, command.slice(1), { cwd: options.cwd, env, detached: true });
  const exited = once(child, 'exit');
  const end = async () => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // the whole group has ended by itself
    }
    await exited;
  };
  afterwards(t, end);
  let errors = '';
  child.stderr!.on('data', (d) => {
    errors += d;
  });
  const first = once(child.stdout!, 'data');
  const said = await Promise.race([first.then(([d]) => String(d)), exited.then(() => undefined)]);
  if (said === undefined) throw new Error(`${command.join(' ')} ended before it was ready: ${errors}`);
  return { pid: child.pid!, child, said, end };
}

/** A folder with these files in it, gone after the test. */
export function folder(t: TestContext, files: Readonly<Record<string, string>> = {}): string {
  const dir = mkdtempSync(join(tmpdir(), 'skep-identity-'));
  afterwards(t, () => rmSync(dir, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

/** Whether a program is on the path: the reason to skip when it is not. */
export function missing(program: string): string | false {
  const found = (process.env.PATH ?? '').split(':').some((dir) => isFile(join(dir, program)));
  return found ? false : `needs ${program}`;
}

function isFile(path: string): boolean {
  return process.getBuiltinModule('node:fs').statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
