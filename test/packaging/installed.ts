import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pack } from '../../scripts/pack.ts';

/** The folder of the oldest Node we support. */
export const floorBin = join(
  import.meta.dirname,
  `../../tools/node-floor/node_modules/node-linux-${process.arch}/bin`,
);

/** How a program ended. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** The tarball, installed globally under a prefix of its own that goes away again. */
export class Installed implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'skep-packed-'));
  readonly prefix = join(this.dir, 'prefix');

  static async create(): Promise<Installed> {
    const it = new Installed();
    const tarball = await pack();
    const args = [
      'install',
      '--global',
      '--prefix',
      it.prefix,
      '--offline',
      '--no-audit',
      '--no-fund',
      tarball,
    ];
    execFileSync('npm', args, { cwd: it.dir, stdio: 'pipe' });
    return it;
  }

  /** The package's folder. */
  get root(): string {
    return join(this.prefix, 'lib/node_modules/skep');
  }

  /** Runs the installed `skep` with this environment and nothing else of ours. */
  skep(args: string[], env: NodeJS.ProcessEnv): Promise<Ended> {
    return ended(join(this.prefix, 'bin/skep'), args, { HOME: this.dir, ...env });
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Runs a program to its end, however it ends. */
export function ended(file: string, args: string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, { env, cwd: dirname(file) }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error);
      else resolve({ code: child.exitCode ?? 1, stdout, stderr });
    });
  });
}
