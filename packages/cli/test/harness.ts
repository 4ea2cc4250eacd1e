import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** The entry of the command, built: what users run, and four times as quick to start as its sources. */
export const main = join(import.meta.dirname, '../dist/main.js');

/** How a command ended. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Options {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  input?: string;
  uid?: number;
}

/** A folder with a store in it that goes away with the test, and the command run against it. */
export class Sandbox implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'skep-cli-'));
  readonly env: NodeJS.ProcessEnv = {
    ...process.env,
    HOME: this.dir,
    SKEP_STORAGE: join(this.dir, 'store'),
    XDG_DATA_HOME: undefined,
    XDG_CACHE_HOME: join(tmpdir(), 'skep-cli-test-cache'),
    NO_COLOR: '1',
    FORCE_COLOR: undefined,
    SKEP_DEBUG: undefined,
    NODE_OPTIONS: undefined,
  };

  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }

  /** Runs `skep` to its end. Whatever happens, there is no stack trace. */
  async skep(args: readonly string[], options: Options = {}): Promise<Ended> {
    const child = spawn(process.execPath, [main, ...args], {
      env: { ...this.env, ...options.env },
      cwd: options.cwd ?? this.dir,
      uid: options.uid,
      gid: options.uid,
      stdio: 'pipe',
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    assert.doesNotMatch(stderr, /^\s+at .+:\d+/m, `stack trace of skep ${args.join(' ')}`);
    assert.doesNotMatch(stderr, /unexpected: /, `unexplained error of skep ${args.join(' ')}: ${stderr}`);
    return { code, stdout, stderr };
  }

  /** Runs `skep`, which must succeed; returns its stdout. */
  async ok(args: readonly string[], options?: Options): Promise<string> {
    const { code, stdout, stderr } = await this.skep(args, options);
    assert.equal(code, 0, `skep ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** Runs `skep`, which must fail with this exit code: a sentence, a hint, nothing on stdout. */
  async fails(code: number, message: RegExp, args: readonly string[], options?: Options): Promise<Ended> {
    const ended = await this.skep(args, options);
    assert.equal(ended.code, code, `skep ${args.join(' ')}: ${ended.stderr}`);
    assert.match(ended.stderr, message);
    assert.match(ended.stderr, /^skep: .+\n {2}\S/m, 'a sentence and a hint');
    return ended;
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
