import { CommanderError } from 'commander';
import { findCommand } from './catalogue.ts';
import { insteadOf } from './docker-words.ts';
import { report, usageError } from './errors.ts';
import { ExitCode } from './exit-codes.ts';
import { out, quietPipes } from './output/out.ts';
import { buildProgram } from './program.ts';
import { mark, printMarks } from './timing.ts';

/** Runs the command line and sets the exit code; every error ends as a sentence on stderr. */
export async function main(argv: readonly string[]): Promise<void> {
  mark('javascript started');
  quietPipes();
  const verbose = argv.includes('--verbose') || argv.includes('-v');
  process.on('uncaughtException', (e) => process.exit(report(e, verbose)));
  try {
    await dispatch(argv);
  } catch (e) {
    process.exitCode = failed(e, argv, verbose);
  }
  printMarks();
}

async function dispatch(argv: readonly string[]): Promise<void> {
  if (argv[0] === '--version') {
    const { version } = await import('./version.ts');
    return out(`skep ${version}\n`);
  }
  const program = buildProgram();
  mark('command line defined');
  await program.parseAsync(argv.length === 0 ? ['--help'] : helpFirst(argv), { from: 'user' });
}

/** `skep help build` is `skep build --help`. */
function helpFirst(argv: readonly string[]): string[] {
  if (argv[0] !== 'help') return [...argv];
  const [, name, ...rest] = argv;
  if (name === undefined) return ['--help'];
  return findCommand(name) ? [name, ...rest, '--help'] : [name];
}

function failed(e: unknown, argv: readonly string[], verbose: boolean): number {
  if (!(e instanceof CommanderError)) return report(e, verbose);
  if (e.exitCode === 0) return ExitCode.ok;
  // Flags but no command: commander has shown the help already.
  if (e.code === 'commander.help') return ExitCode.usage;
  const [first = '', ...suggestions] = e.message.replace(/^error: /, '').split('\n');
  const unknown = e.code === 'commander.unknownCommand' ? /'(.*)'/s.exec(first)?.[1] : undefined;
  const name = unknown === undefined ? argv.find((word) => findCommand(word)) : undefined;
  const instead = unknown === undefined ? undefined : insteadOf(unknown);
  if (instead !== undefined) return report(usageError(first, instead, { cause: e }), verbose);
  const hints = suggestions.map((s) => s.replace(/^\((.*)\)$/, '$1'));
  hints.push(`skep ${name ? `${name} ` : ''}--help shows what there is.`);
  return report(usageError(first, hints.join('\n'), { cause: e }), verbose);
}
