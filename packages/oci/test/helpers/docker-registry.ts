import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';

export interface RealRegistry {
  /** `127.0.0.1:PORT` */
  host: string;
  stop(): Promise<void>;
}

export interface RealRegistryOptions {
  /** Name and password, for basic authentication by htpasswd. */
  user?: [string, string];
  /** Certificate and key files. */
  tls?: { certificate: string; key: string };
  /** Lets manifests be deleted; off by default, as in Debian. */
  deletes?: boolean;
}

/** Starts Debian's docker-registry on a free port of the loopback, with its data below `dir`. */
export async function startRegistry(dir: string, opts: RealRegistryOptions = {}): Promise<RealRegistry> {
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const config: Record<string, unknown> = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(dir, `data-${port}`) },
      ...(opts.deletes && { delete: { enabled: true } }),
    },
    http: { addr: host, ...(opts.tls && { tls: opts.tls }) },
  };
  if (opts.user !== undefined) {
    const path = join(dir, `htpasswd-${port}`);
    writeFileSync(path, execFileSync('htpasswd', ['-Bbn', '-C', '4', ...opts.user]));
    config.auth = { htpasswd: { realm: 'test', path } };
  }
  const file = join(dir, `registry-${port}.yml`);
  writeFileSync(file, JSON.stringify(config)); // JSON is YAML
  const child = spawn('docker-registry', ['serve', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (s: string) => {
    said += s;
  });
  // A test that fails before it stops its registry ends all the same, and the registry with it.
  child.unref();
  (child.stderr as Socket).unref();
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await listening(port, child, () => said);
  return {
    host,
    stop: () => {
      process.off('exit', kill);
      child.ref();
      kill();
      return ended;
    },
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

// The registry says nowhere that it listens, so there is no event to wait for: connections are tried.
export async function listening(port: number, child: ChildProcess, said: () => string): Promise<void> {
  const { connect } = await import('node:net');
  const deadline = Date.now() + 60_000; // a busy machine takes seconds to start a program
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    if (child.exitCode !== null || Date.now() > deadline)
      throw new Error(`the registry did not start: ${said()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
