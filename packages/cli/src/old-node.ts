import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/**
 * This Node is too old. The launcher (which says in SKEP_LAUNCHER where it is) took it without looking; it is asked
 * once to search for a newer one, and what that one runs stands in for this process, signals and exit code
 * included. Without a launcher, or when it searched already, a sentence says what is needed.
 */
export function leaveToNewerNode(): void {
  const launcher = process.env.SKEP_LAUNCHER;
  if (!launcher || process.env.SKEP_NODE_SEARCH) {
    process.stderr.write(
      `skep: needs Node 22.18 or later, this is ${process.versions.node}\n` +
        '  npm install --global node@24 brings a newer one; a checkout has its own: ./bin/skep\n',
    );
    process.exitCode = 1;
    return;
  }
  const env = { ...process.env, SKEP_NODE_SEARCH: '1' };
  const child = spawn(launcher, process.argv.slice(2), { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) {
    // The terminal sends Ctrl-C to both; what comes to this process alone is passed on.
    process.on(signal, () => {
      if (signal === 'SIGTERM' || signal === 'SIGHUP') child.kill(signal);
    });
  }
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
  });
}
