import type { ProbeImage } from '@skep/probe';
import { Command } from 'commander';
import { addAgentFlags } from '../agent/flags.ts';
import { usageError } from '../errors.ts';
import { addRunFlags, checkRunFlags, type RunFlags } from '../run/flags.ts';
import { readParamWords } from '../run/param-flags.ts';
import { addSharedFlags } from '../settings.ts';

/**
 * Holds what is to stand behind `skep run PROGRAM` against what that takes: a mistake is told to who generates, and not to the
 * journal of a service that never starts. Whether a file, a cgroup or a user that is named is there, only the machine knows that
 * it is for.
 *
 * @throws CliError, ProbeError, CommanderError as `skep run` does
 */
export async function checkRunWords(image: ProbeImage, words: readonly string[]): Promise<void> {
  const command = parser().argument('[words...]').allowUnknownOption();
  addRunFlags(command);
  addSharedFlags(command, false);
  command.parse(words, { from: 'user' });
  const flags = command.opts<RunFlags>();
  checkRunFlags(flags);
  if (flags.detach || flags.output === 'table')
    throw usageError(
      `${flags.detach ? '-d' : '-o table'} is for a terminal, which a service does not have`,
      'Leave it out.',
    );
  const { describeObject, findParam } = await import('@skep/probe');
  const params = image.objects.flatMap((o) => describeObject(o.bytes, o.name).params);
  for (const name of Object.keys(flags.set ?? {})) findParam(params, name);
  const own = command.args.findIndex((word) => word.startsWith('-'));
  if (own >= 0) readParamWords(command.args.slice(own), params);
}

/** The same for the words of `skep agent`. */
export function checkAgentWords(words: readonly string[]): void {
  const command = parser();
  addAgentFlags(command);
  addSharedFlags(command, false, false);
  command.parse(words, { from: 'user' });
}

/** Its errors are thrown, and told where all are. */
function parser(): Command {
  return new Command()
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .helpOption(false);
}
