import type { Command } from 'commander';
import { paint, useColor } from './output/color.ts';

const exampleLines = new WeakMap<Command, readonly string[]>();

/** Puts examples under a command's help. */
export function examples(command: Command, ...lines: string[]): void {
  exampleLines.set(command, lines);
  command.addHelpText(
    'after',
    () =>
      `\n${title('Examples:')}\n${lines.map((l) => `  ${l}`.trimEnd()).join('\n')}\n\nFlags of every command: skep --help`,
  );
}

/** The examples of a command, for the reference in docs/. */
export function examplesOf(command: Command): readonly string[] {
  return exampleLines.get(command) ?? [];
}

/** A heading in a help text. */
export function title(text: string): string {
  return paint('bold', text, useColor(process.stdout));
}
