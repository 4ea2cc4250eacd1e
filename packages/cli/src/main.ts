#!/usr/bin/env node
// The entry. It must parse and link on any Node that knows ES modules, so that an old one gets a sentence
// instead of a SyntaxError: nothing is loaded statically. Nor is Node's own by `import`, which reads every export of a
// module; of node:fs that loads streams, 4 ms of each start.

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  const { leaveToNewerNode } = await import('./old-node.ts');
  leaveToNewerNode();
} else {
  compileCache();
  callUsSkep();
  // The agent that runs is asked, and no program loaded.
  const asked = /^(services|traces|status|-h|--help)$/;
  const args = process.argv.slice(2);
  // Flags before the command, whose values could be anything, take the common way.
  const [first = ''] = args;
  if (args.includes('run') || (first === 'agent' && !args.some((word) => asked.test(word))))
    await readAhead();
  const { main } =
    first === 'run'
      ? await import('./run-cli.ts')
      : first === 'agent'
        ? await import('./agent-cli.ts')
        : ['push', 'pull', 'copy'].includes(first)
          ? await import('./transfer-cli.ts')
          : await import('./cli.ts');
  await main(args);
}

/**
 * Keeps compiled JavaScript in a folder of our own. Node's default, a well-known name under /tmp, would let
 * another user plant code that `sudo skep` then runs; for the same reason a home that is not ours is not used.
 */
function compileCache(): void {
  try {
    const home = homeFolder();
    const base = process.env.XDG_CACHE_HOME || `${home}/.cache`;
    if (process.getBuiltinModule('node:fs').statSync(home).uid === process.geteuid?.())
      process.getBuiltinModule('node:module').enableCompileCache(`${base}/skep/node`);
  } catch {
    // No home folder: slower by some milliseconds, nothing else.
  }
}

/** Node calls its main thread MainThread: ps, top, bpftool and `skep doctor --all` say by that whose programs they are. */
function callUsSkep(): void {
  try {
    process.getBuiltinModule('node:fs').writeFileSync('/proc/self/comm', 'skep');
  } catch {
    // No /proc: nothing that asks for names there is, either.
  }
}

/** Of somebody whom the machine does not know, and who has not said: what a container gives such a user, for all that ask later. */
function homeFolder(): string {
  try {
    return process.getBuiltinModule('node:os').homedir();
  } catch {
    process.env.HOME = '/';
    return '/';
  }
}

/** The kernel's types are read by a thread while the rest of this command is. */
async function readAhead(): Promise<void> {
  try {
    const { readKernelTypesAhead } = await import('@skep/bpf/ahead');
    readKernelTypesAhead();
  } catch {
    // An addon that does not load is told when it is needed, with its reason.
  }
}
