import type { Command } from 'commander';
import { paint, useColor } from './output/color.ts';
import { helpWidth, wrap } from './output/wrap.ts';

const exampleLines = new WeakMap<Command, readonly string[]>();

/** Puts examples under a command's help, and behind an empty line what is to be said in sentences. */
export function examples(command: Command, ...lines: string[]): void {
  exampleLines.set(command, lines);
  command.addHelpText(
    'after',
    () => `\n${title('Examples:')}\n${shown(lines).join('\n')}\n\nFlags of every command: skep --help`,
  );
}

/** Commands as they are; behind the empty line sentences, as wide as the terminal, and lists that are set in. */
function shown(lines: readonly string[]): string[] {
  const end = lines.indexOf('');
  return lines.map((line, i) => {
    const isSentence = end >= 0 && i > end && !line.startsWith(' ');
    return `  ${isSentence ? wrap(line, helpWidth(), 2) : line}`.trimEnd();
  });
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
  command.addHelpText('after', () => `\n${title(`${heading}:`)}\n${lines.map(setIn).join('\n')}`);
}

/** A line of a section, which goes on two further in. */
function setIn(line: string): string {
  const indent = 2 + (/^ */.exec(line) as RegExpExecArray)[0].length;
  return `${' '.repeat(indent)}${wrap(line.trimStart(), helpWidth(), indent + 2)}`;
}

/** The sections of a command, for the reference in docs/. */
export function helpSectionsOf(command: Command): readonly HelpSection[] {
  return sectionsByCommand.get(command) ?? [];
}

/** A heading in a help text. */
export function title(text: string): string {
  return paint('bold', text, useColor(process.stdout));
}
