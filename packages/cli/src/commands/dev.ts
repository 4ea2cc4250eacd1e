import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { settingsOf } from '../settings.ts';

/** `skep dev` */
export function define(command: Command): void {
  command
    .usage('FOLDER|FILE.c [flags of run]')
    .argument('<folder>', 'a folder with a skep.yaml, or a C file')
    .allowUnknownOption()
    .allowExcessArguments()
    .passThroughOptions()
    .action(dev);
  examples(
    command,
    'sudo skep dev probes/oomkill                     events as JSON lines, built and loaded again on every save',
    'sudo skep dev hello.c --pid 1234 --no-prom       what follows goes to skep run',
    '',
    'What does not compile, or what this kernel would not load, is shown, and what ran before goes on.',
  );
}

async function dev(folder: string, _flags: object, command: Command): Promise<void> {
  const { Session } = await import('../dev/session.ts');
  const flags = command.args.slice(1);
  const lines = flags.some((f) => /^(-o|--output)/.test(f)) ? [] : ['--output', 'json'];
  const session = new Session(folder, [...lines, ...flags], settingsOf(command));
  const stop = () => session.stop();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  try {
    await session.run();
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, stop);
  }
}
