import { classOf, ExitCode } from './exit-codes.ts';
import { filesystemSentence } from './fs-errors.ts';
import { paint, useColor } from './output/color.ts';
import { visible } from './output/visible.ts';

/** What every package's error looks like from here: known by its shape, so nothing has to be imported. */
interface SkepError {
  code: string;
  message: string;
  hint: string;
  log?: string;
}

/**
 * What the command line itself refuses, closed.
 *
 * | code | meaning |
 * | --- | --- |
 * | `SKEP_USAGE` | flags or arguments are wrong |
 * | `SKEP_TEMPLATE` | `--format` cannot be read, or names a field that is not there |
 * | `SKEP_NOT_FOUND` | no such image |
 * | `SKEP_PERMISSION` | a capability is missing |
 * | `SKEP_PLATFORM` | the image is for another architecture |
 * | `SKEP_NO_INSTANCE` | nothing in the background has that name |
 * | `SKEP_NAME_TAKEN` | something in the background has that name already |
 * | `SKEP_NOT_RUNNING` | it has ended, or is being started |
 * | `SKEP_RUNNING` | it runs, and only what has ended can be taken away |
 * | `SKEP_STATE_ACCESS` | the folder of instances is open to others |
 * | `SKEP_STATE_DAMAGED` | a file of an instance cannot be read |
 * | `SKEP_NODE_PACKAGE` | npm does not give the Node that goes into a container |
 * | `SKEP_NOT_BUILT` | skep is not built for an architecture |
 * | `SKEP_ABORTED` | Ctrl-C in place of an answer |
 * | `SKEP_UNSIGNED` | none of the keys that may have signed the image did |
 */
export type CliErrorCode =
  | 'SKEP_USAGE'
  | 'SKEP_TEMPLATE'
  | 'SKEP_NOT_FOUND'
  | 'SKEP_PERMISSION'
  | 'SKEP_PLATFORM'
  | 'SKEP_NO_INSTANCE'
  | 'SKEP_NAME_TAKEN'
  | 'SKEP_NOT_RUNNING'
  | 'SKEP_RUNNING'
  | 'SKEP_STATE_ACCESS'
  | 'SKEP_STATE_DAMAGED'
  | 'SKEP_NODE_PACKAGE'
  | 'SKEP_NOT_BUILT'
  | 'SKEP_ABORTED'
  | 'SKEP_UNSIGNED';

/** An error of the command line itself. `hint` says what to do next. */
export class CliError extends Error {
  readonly code: CliErrorCode;
  readonly hint: string;
  constructor(code: CliErrorCode, message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CliError';
    this.code = code;
    this.hint = hint;
  }
}

/** A wrong command line: exit 2. */
export function usageError(message: string, hint: string, options?: ErrorOptions): CliError {
  return new CliError('SKEP_USAGE', message, hint, options);
}

function isSkepError(e: unknown): e is SkepError {
  return (
    e instanceof Error &&
    'code' in e &&
    typeof e.code === 'string' &&
    e.code.startsWith('SKEP_') &&
    'hint' in e &&
    typeof e.hint === 'string'
  );
}

/** What to print and how to exit for anything thrown. Never a stack trace, unless SKEP_DEBUG asks for it. */
export function explain(e: unknown): {
  message: string;
  hint: string;
  log?: string;
  always?: boolean;
  exitCode: number;
} {
  if (isSkepError(e)) {
    const exitCode = ExitCode[classOf(e.code) ?? 'general'];
    return {
      message: e.message.replace(/\.$/, ''),
      hint: e.hint,
      log: e.log,
      always: e.code === 'SKEP_COMPILE' || e.code === 'SKEP_BUILDER',
      exitCode,
    };
  }
  const fs = filesystemSentence(e);
  if (fs) return { ...fs, exitCode: ExitCode[fs.kind] };
  const text = e instanceof Error ? e.message : String(e);
  const first = text.split('\n', 1)[0] || 'no reason given';
  return {
    message: `unexpected: ${first}`,
    hint: 'This is a defect of skep. SKEP_DEBUG=1 shows where it happened.',
    exitCode: ExitCode.general,
  };
}

/** Prints an error on stderr as a sentence and a hint; returns the exit code. */
export function report(e: unknown, verbose: boolean): number {
  const { message, hint, log, always, exitCode } = explain(e);
  const color = useColor(process.stderr);
  let text = log && always ? `${log.trimEnd()}\n` : '';
  text += `${paint('red', 'skep:', color)} ${visible(message)}\n`;
  for (const line of visible(hint).split('\n')) if (line) text += `  ${paint('dim', line, color)}\n`;
  if (log && verbose && !always) text += `\n${log.trimEnd()}\n`;
  if (process.env.SKEP_DEBUG) text += `\n${stacks(e)}\n`;
  process.stderr.write(text);
  return exitCode;
}

function stacks(e: unknown): string {
  if (!(e instanceof Error)) return String(e);
  const own = e.stack ?? e.message;
  return e.cause === undefined ? own : `${own}\ncaused by: ${stacks(e.cause)}`;
}
