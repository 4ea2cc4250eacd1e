import type { Command, Help } from 'commander';
import { type CommandEntry, catalogue } from './catalogue.ts';
import { title } from './examples.ts';
import { ExitCode, type ExitCodeName, exitCodeMeaning } from './exit-codes.ts';
import { paint, useColor } from './output/color.ts';
import { helpWidth, wrap } from './output/wrap.ts';

/** Help looks the same everywhere: as wide as the terminal up to 110, bold titles. */
export function configureHelp(command: Command): void {
  command.configureHelp({
    helpWidth: helpWidth(),
    styleTitle: (text) => paint('bold', text, useColor(process.stdout)),
  });
}

/** `skep --help`: what one can do first, then flags, a first try and the exit codes. */
export function programHelp(program: Command, help: Help): string {
  const parts = [`${title('Usage:')} skep [flags] COMMAND`, program.description()];
  for (const group of new Set(catalogue.filter((c) => !c.hidden).map((c) => c.group))) {
    const entries = catalogue.filter((c) => c.group === group && !c.hidden);
    parts.push(
      block(
        group,
        entries.map((c) => [nameOf(c), c.summary]),
      ),
    );
  }
  const flags = help.visibleOptions(program).map((o): [string, string] => [o.flags, o.description]);
  parts.push(block('Flags (before or after the command):', flags, 22));
  parts.push(block('Try:', firstSteps, 28));
  const codes = Object.keys(ExitCode) as ExitCodeName[];
  parts.push(
    block(
      'Exit codes:',
      codes.map((c) => [String(ExitCode[c]), exitCodeMeaning[c]]),
      2,
    ),
  );
  parts.push('skep COMMAND --help shows flags and examples of a command.');
  return `${parts.join('\n\n')}\n`;
}

const firstSteps: [string, string][] = [
  ['skep init hello.c', 'a commented program of your own'],
  ['skep build hello.c hello:1', 'compiled and packed into an image'],
  ['sudo skep run hello:1', 'into the kernel, what it sees on the screen'],
];

function nameOf(entry: CommandEntry): string {
  return [entry.name, ...entry.aliases].join(', ');
}

function block(heading: string, rows: [string, string][], width = 18): string {
  const lines = rows.map(([term, text]) => `  ${term.padEnd(width)} ${wrap(text, helpWidth(), width + 3)}`);
  return [title(heading), ...lines].join('\n');
}
