import { execFile, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, listening, type RealRegistry } from './docker-registry.ts';

const MODULE = 'github.com/google/go-containerregistry';
const VERSION = 'v0.22.1';
const SOURCE = join(import.meta.dirname, 'go-registry', 'main.go');

/** Builds go-containerregistry's registry once, where there is a Go. @returns how to start it, or why it is skipped */
export async function goRegistry(): Promise<{ skip?: string; start?: () => Promise<RealRegistry> }> {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'skep', 'go');
  const program = join(cache, `registry-${VERSION}`);
  if (existsSync(program)) return { start: () => start(program) };
  mkdirSync(cache, { recursive: true });
  const cwd = mkdtempSync(join(cache, 'build-'));
  try {
    copyFileSync(SOURCE, join(cwd, 'main.go'));
    writeFileSync(join(cwd, 'go.mod'), `module registry\n\ngo 1.21\n\nrequire ${MODULE} ${VERSION}\n`);
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/local/go/bin`, GOFLAGS: '-mod=mod' };
    await promisify(execFile)('go', ['build', '-p', '1', '-o', 'registry', '.'], {
      cwd,
      env,
      timeout: 300_000,
    });
    renameSync(join(cwd, 'registry'), program);
    return { start: () => start(program) };
  } catch (e) {
    const why = e instanceof Error ? (e.message.trim().split('\n').at(-1) ?? '') : String(e);
    return { skip: `needs Go and its module proxy, for go-containerregistry's registry: ${why}` };
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

async function start(program: string): Promise<RealRegistry> {
  const port = await freePort();
  const child = spawn(program, [String(port)], { stdio: 'ignore' });
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
