import { nearest } from '@skep/bpf';
import type { ParamDescription, ParamSetting } from '@skep/probe';
import { Command } from 'commander';
import { usageError } from '../errors.ts';
import { addSharedFlags } from '../settings.ts';
import { addRunFlags } from './flags.ts';

/** The long flags that `skep run` has itself: a parameter of such a name is set by `--set` only. */
export function flagsOfRun(): ReadonlySet<string> {
  const command = new Command('run');
  addRunFlags(command);
  addSharedFlags(command, false);
  return new Set([...command.options.flatMap((o) => o.long ?? []), '--help', '--version']);
}

/** `--min-latency` for min_latency; undefined where it would be a flag of run's, or none at all. */
export function flagOf(name: string, taken: ReadonlySet<string>): string | undefined {
  const flag = `--${name.replaceAll('_', '-')}`;
  return /^[a-z]\w*$/i.test(name) && !taken.has(flag) ? flag : undefined;
}

/**
 * Reads what stands behind the program and is no flag of run's: `--min-latency 5ms`, `--min-latency=5ms`, and of a bool
 * the flag alone.
 *
 * @throws {CliError} `SKEP_USAGE` for what names no parameter
 */
export function readParamWords(
  words: readonly string[],
  params: readonly ParamDescription[],
): Record<string, ParamSetting> {
  const taken = flagsOfRun();
  const byFlag = new Map(
    params.flatMap((p) => {
      const flag = flagOf(p.name, taken);
      return flag === undefined ? [] : [[flag, p] as const];
    }),
  );
  const found = new Map<ParamDescription, { flag: string; values: string[] }>();
  for (let i = 0; i < words.length; i++) {
    const [flag = '', ...rest] = words[i]!.split('=');
    if (!flag.startsWith('-'))
      throw usageError(`"${words[i]}" is one word too many`, 'skep run [flags] PROGRAM [flags]');
    const param = byFlag.get(flag);
    if (!param && rest.length > 0 && taken.has(flag))
      throw usageError(`${flag} takes no value`, `Write ${flag} alone.`);
    if (!param) throw unknown(flag, [...byFlag.keys()], taken);
    const value = rest.length > 0 ? rest.join('=') : param.bool ? 'true' : words[++i];
    if (value === undefined)
      throw usageError(`${flag} needs a value`, `For example ${flag} ${param.example}.`);
    const { values } = found.get(param) ?? { values: [] };
    if (values.length > 0 && !param.list) throw usageError(`${flag} is given twice`, 'Keep one of them.');
    found.set(param, { flag, values: [...values, value] });
  }
  // A list may be given in several flags, each with commas.
  return Object.fromEntries(
    [...found].map(([{ name }, { flag, values }]) => [name, { value: values.join(','), from: flag }]),
  );
}

function unknown(flag: string, own: readonly string[], taken: ReadonlySet<string>): Error {
  const [like] = nearest(flag, [...own, ...taken], 1);
  const parameters =
    own.length > 0 ? `Parameters of this probe: ${own.join(', ')}.` : 'This probe has no parameters.';
  return usageError(`unknown option '${flag}'`, like ? `Did you mean ${like}?\n${parameters}` : parameters);
}
