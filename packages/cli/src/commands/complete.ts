import type { Command, Option } from 'commander';
import { catalogue, findCommand } from '../catalogue.ts';
import type { ProgramWords } from '../complete/program-words.ts';
import { out } from '../output/out.ts';
import { loadCommand } from '../program.ts';
import { settingsOf } from '../settings.ts';

/** `skep __complete -- WORDS…`: what may stand in place of the last word. For the completion scripts. */
export function define(command: Command): void {
  command
    .argument('[words...]')
    .allowUnknownOption()
    .action(async (words: string[]) => out(await candidates(command.parent!, words)));
}

async function candidates(program: Command, words: readonly string[]): Promise<string> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const at = before.findIndex((word, i) => findCommand(word) && !takesValue(program, before[i - 1]));
  if (at < 0) {
    const value = optionBefore(program, before.at(-1));
    if (value) return valueCandidates(value, current);
    return lines([...commandNames(), ...flagNames(program, current)], current);
  }
  const name = findCommand(before[at]!)!.name;
  const command = program.commands.find((c) => c.name() === name)!;
  await loadCommand(command);
  program.parseOptions(before.slice(0, at));
  const rest = before.slice(at + 1);
  const value = optionBefore(command, rest.at(-1));
  const probe = await ofProgram(command, value ? rest.slice(0, -1) : rest);
  if (value) return valueCandidates(value, current) + lines(probe?.values[value.long!] ?? [], current);
  if (current.startsWith('-'))
    return lines([...(probe?.flags ?? []), ...flagNames(command, current)], current);
  // Behind a flag of the probe's own stands its value, and after such flags no further program.
  const own = (word: string): boolean => word.startsWith('-') && !flagNamed(command, word);
  if (command.name() === 'run' && rest.some(own)) return '';
  command.parseOptions(rest);
  return argumentCandidates(command, operands(command, rest), current);
}

/** What the program that `skep run` is given brings along. */
async function ofProgram(command: Command, words: readonly string[]): Promise<ProgramWords | undefined> {
  const [program] = command.name() === 'run' ? operands(command, words) : [];
  if (program === undefined) return undefined;
  command.parseOptions([...words]);
  const { programWords } = await import('../complete/program-words.ts');
  return programWords(program, settingsOf(command));
}

function commandNames(): string[] {
  return catalogue.filter((c) => !c.hidden).map((c) => `${c.name}\t${c.summary}`);
}

function flagNames(command: Command, current: string): string[] {
  if (!current.startsWith('-')) return [];
  const all = [...command.options.filter((o) => !o.hidden), ...(command.parent?.options ?? [])];
  const names = all.filter((o) => o.long && o.long !== '--version').map((o) => `${o.long}\t${o.description}`);
  return [...names, '--help\tshow help'];
}

function flagNamed(command: Command, word: string): Option | undefined {
  const options = [...command.options, ...(command.parent?.options ?? [])];
  return options.find((o) => o.long === word.split('=')[0] || o.short === word);
}

/** The option whose value stands after `word`, if it is one that takes a value. */
function optionBefore(command: Command, word: string | undefined): Option | undefined {
  if (!word?.startsWith('-')) return undefined;
  const options = [...command.options, ...(command.parent?.options ?? [])];
  const option = options.find((o) => o.long === word || o.short === word);
  return option?.required ? option : undefined;
}

function takesValue(command: Command, word: string | undefined): boolean {
  return optionBefore(command, word) !== undefined;
}

function operands(command: Command, words: readonly string[]): string[] {
  return words.filter((word, i) => !word.startsWith('-') && !takesValue(command, words[i - 1]));
}

function valueCandidates(option: Option, current: string): string {
  if (option.argChoices) return lines(option.argChoices, current);
  return /<(file|dir)>/.test(option.flags) ? ':files\n' : '';
}

/** By the name of the argument: references, files, or what its choices are. */
async function argumentCandidates(
  command: Command,
  given: readonly string[],
  current: string,
): Promise<string> {
  const declared = command.registeredArguments;
  const argument = declared[Math.min(given.length, declared.length - 1)];
  if (!argument || (given.length >= declared.length && !argument.variadic)) return '';
  if (argument.argChoices) return lines(argument.argChoices, current);
  const kind = argument.name();
  if (kind === 'instance') return lines(await instanceNames(command, given), current);
  const references = ['program', 'reference', 'source', 'target'].includes(kind)
    ? [...(await localReferences(command)), ...(command.name() === 'rm' ? await endedNames() : [])]
    : kind === 'repository'
      ? await localRepositories(command)
      : [];
  const files = ['program', 'file'].includes(kind) ? ':files\n' : '';
  return (
    lines(
      references.filter((r) => !given.includes(r)),
      current,
    ) + files
  );
}

/** Names of what is in the background: of what runs, for commands that need that. */
async function instanceNames(command: Command, given: readonly string[]): Promise<string[]> {
  const { listInstances } = await import('../instances/folder.ts');
  const all = command.name() === 'logs';
  return listInstances()
    .filter((i) => (all || i.state === 'running') && !given.includes(i.name))
    .map((i) => i.name);
}

async function localReferences(command: Command): Promise<string[]> {
  const { Store } = await import('@skep/oci');
  const store = await Store.open(settingsOf(command).storage);
  return store.entries().map((image) => image.reference);
}

async function endedNames(): Promise<string[]> {
  const { listInstances } = await import('../instances/folder.ts');
  return listInstances()
    .filter((i) => i.state === 'exited' || i.state === 'dead')
    .map((i) => i.name);
}

/** Repositories of registries that images here have a name in. */
async function localRepositories(command: Command): Promise<string[]> {
  const { formatReference, isLocal, parseReference } = await import('@skep/oci');
  const names = (await localReferences(command)).flatMap((name) => {
    try {
      const reference = parseReference(name);
      return isLocal(reference) ? [] : [formatReference({ ...reference, tag: undefined, digest: undefined })];
    } catch {
      return []; // a name that another tool wrote, and no registry would take
    }
  });
  return [...new Set(names)];
}

function lines(names: readonly string[], current: string): string {
  return names
    .filter((name) => name.startsWith(current))
    .map((name) => `${name}\n`)
    .join('');
}
