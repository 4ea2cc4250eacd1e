import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, listening, type RealRegistry } from './docker-registry.ts';

// What `crane registry serve` starts; it has the Referrers API, which Debian's registry lacks.
const MODULE = 'github.com/google/go-containerregistry/cmd/registry';
const VERSION = 'latest';

/** Builds go-containerregistry's registry once, where there is a Go. @returns how to start it, or why it is skipped */
export async function goRegistry(): Promise<{ skip?: string; start?: () => Promise<RealRegistry> }> {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'skep', 'go');
  const program = join(cache, 'registry');
  if (!existsSync(program)) {
    const bin = join(cache, `new-${process.pid}`);
    mkdirSync(bin, { recursive: true });
    try {
      const env = {
        ...process.env,
        PATH: `${process.env.PATH}:/usr/local/go/bin`,
        GOBIN: bin,
        GOFLAGS: '-p=1',
      };
      await promisify(execFile)('go', ['install', `${MODULE}@${VERSION}`], { env, timeout: 300_000 });
    } catch (e) {
      const why = e instanceof Error ? (e.message.split('\n').at(-2) ?? e.message) : String(e);
      return { skip: `needs Go and its module proxy for go-containerregistry: ${why}` };
    }
    renameSync(join(bin, 'registry'), program);
  }
  return { start: () => start(program) };
}

async function start(program: string): Promise<RealRegistry> {
  const port = await freePort();
  const child = spawn(program, ['--port', String(port)], { stdio: 'ignore' });
  child.unref();
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await listening(port, child, () => program);
  return {
    host: `127.0.0.1:${port}`,
    stop: () => {
      process.off('exit', kill);
      child.ref();
      kill();
      return ended;
    },
  };
}
