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

const sectionsByCommand = new WeakMap<Command, HelpSection[]>();

/** More than flags and examples can say, between the two. */
export interface HelpSection {
  readonly heading: string;
  readonly lines: readonly string[];
}

/** Puts a section under a command's flags; call it before {@link examples}. */
export function helpSection(command: Command, heading: string, lines: readonly string[]): void {
  sectionsByCommand.set(command, [...(sectionsByCommand.get(command) ?? []), { heading, lines }]);
  command.addHelpText('after', () => `\n${title(`${heading}:`)}\n${lines.map((l) => `  ${l}`).join('\n')}`);
}

/** The sections of a command, for the reference in docs/. */
export function helpSectionsOf(command: Command): readonly HelpSection[] {
  return sectionsByCommand.get(command) ?? [];
}

/** A heading in a help text. */
export function title(text: string): string {
  return paint('bold', text, useColor(process.stdout));
}
