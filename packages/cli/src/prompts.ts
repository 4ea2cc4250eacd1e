import * as clack from '@clack/prompts';
import { CliError } from './errors.ts';

/** Asks for a line of text. @throws CliError SKEP_ABORTED at Ctrl-C */
export async function ask(message: string, initialValue?: string): Promise<string> {
  return given(await clack.text({ message, initialValue, validate: notEmpty, output: process.stderr }));
}

/** Asks for a secret, which is not shown. */
export async function askHidden(message: string): Promise<string> {
  return given(await clack.password({ message, validate: notEmpty, output: process.stderr }));
}

/** Asks to choose one of several. */
export async function choose(
  message: string,
  options: readonly { value: string; label: string; hint?: string }[],
): Promise<string> {
  return given(await clack.select({ message, options: [...options], output: process.stderr }));
}

function notEmpty(value: string | undefined): string | undefined {
  return value ? undefined : 'Something has to be said here';
}

function given(answer: string | symbol): string {
  if (clack.isCancel(answer))
    throw new CliError('SKEP_ABORTED', 'cancelled', 'Flags can say the same: see --help.');
  return answer as string;
}
