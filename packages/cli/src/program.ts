import { Command } from 'commander';
import { catalogue, findCommand } from './catalogue.ts';
import { configureHelp, programHelp } from './help.ts';
import { addSharedFlags } from './settings.ts';

/** The program with every command named but none loaded: a command's own file defines it when it is called. */
export function buildProgram(): Command {
  const program = new Command('skep');
  configure(program);
  program
    .description('Docker for eBPF: build, ship and run eBPF probes as OCI images.')
    .enablePositionalOptions()
    .helpCommand(false)
    .configureHelp({ formatHelp: (_, help) => programHelp(program, help) })
    .option('--version', 'show the version');
  addSharedFlags(program, true);
  for (const { name, aliases, summary, hidden } of catalogue) {
    const command = program.command(name, { hidden: hidden ?? false });
    command.summary(summary).aliases(aliases);
  }
  return program.hook('preSubcommand', (_, command) => loadCommand(command));
}

/** Fills in arguments, flags, examples and action of a command named by buildProgram. */
export async function loadCommand(command: Command): Promise<void> {
  const { load, ownConfig = false } = findCommand(command.name())!;
  const { define } = await load();
  configure(command);
  addSharedFlags(command, false, !ownConfig);
  command.description(command.summary());
  define(command);
  // As docker, and as from --format "$UNSET".
  command.hook('preAction', () => {
    if (command.getOptionValue('format') === '') command.setOptionValue('format', undefined);
  });
  // Commander gives a `--no-x` without an `--x` its default before the hook that leads here.
  for (const option of command.options) {
    const name = option.attributeName();
    const alone = !command.options.some((other) => other !== option && other.attributeName() === name);
    if (option.negate && alone && command.getOptionValue(name) === undefined) {
      command.setOptionValueWithSource(name, true, 'default');
    }
  }
}

function configure(command: Command): void {
  command.exitOverride();
  command.configureOutput({ outputError: () => undefined });
  command.helpOption(
    '-h, --help',
    command.name() === 'skep' ? 'show help; with a command, that command' : 'show help',
  );
  configureHelp(command);
}
