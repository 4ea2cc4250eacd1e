import type { Command } from 'commander';

/** A command as `skep --help` shows it, and how to get the rest when it is called. */
export interface CommandEntry {
  name: string;
  aliases: string[];
  group: string;
  summary: string;
  hidden?: boolean;
  load(): Promise<{ define(command: Command): void }>;
}

const entry = (
  group: string,
  name: string,
  summary: string,
  load: CommandEntry['load'],
  aliases: string[] = [],
): CommandEntry => ({ group, name, summary, load, aliases });

/** All commands. Each file is read only when its command is called. */
export const catalogue: readonly CommandEntry[] = [
  entry('This machine:', 'version', 'show versions', () => import('./commands/version.ts')),
];

/** Finds a command by its name or alias. */
export function findCommand(name: string): CommandEntry | undefined {
  return catalogue.find((c) => c.name === name || c.aliases.includes(name));
}
