import type { ParamDescription } from '@skep/probe';
import { renderTable } from '../output/table.ts';
import { flagOf, flagsOfRun } from './param-flags.ts';

/**
 * The parameters of a probe as flags, with an example of each kind, for `skep run PROGRAM --help`.
 *
 * @param given what the image sets, `NAME=VALUE` each
 */
export function paramHelp(
  program: string,
  params: readonly ParamDescription[],
  given: readonly string[] = [],
): string[] {
  if (params.length === 0) return ['This probe has no parameters.'];
  const taken = flagsOfRun();
  const owners = params.filter((p) => p.owner !== undefined);
  const others = params.filter((p) => p.owner === undefined);
  const parts: string[] = [];
  if (others.length > 0) {
    const rows = others.map((p) => [written(p, taken), defaultOf(p, given), helpOf(p)]);
    parts.push(
      `Parameters, behind the program; as well --set NAME=VALUE, SKEP_SET_NAME or --params FILE:\n${indent(renderTable(['FLAG', 'DEFAULT', 'HELP'], rows))}`,
    );
  }
  if (owners.length > 0) {
    const rows = owners.map((p) => [`--${p.owner}`, p.name, defaultOf(p, given), p.help ?? '']);
    parts.push(
      `Owners of its events, each flag may be repeated:\n${indent(renderTable(['FLAG', 'NAME', 'DEFAULT', 'HELP'], rows))}`,
    );
  }
  parts.push(`Examples:\n${indent(exampleLines(program, others, owners, taken).join('\n'))}`);
  return parts;
}

/** The parameters of these that `skep run` has a flag for itself. */
export function collisions(params: readonly ParamDescription[]): ParamDescription[] {
  const taken = flagsOfRun();
  return params.filter((p) => flagOf(p.name, taken) === undefined);
}

function written(p: ParamDescription, taken: ReadonlySet<string>): string {
  if (p.takes === '') return p.name;
  const flag = flagOf(p.name, taken);
  const value = `<${p.noun}>`;
  if (flag === undefined) return `--set ${p.name}=${value}`;
  return p.bool ? flag : `${flag} ${value}`;
}

function defaultOf(p: ParamDescription, given: readonly string[]): string {
  const set = given.findLast((text) => text.startsWith(`${p.name}=`));
  return set === undefined ? p.defaultText : set.slice(p.name.length + 1);
}

function helpOf(p: ParamDescription): string {
  const unsettable = p.takes === '' ? '(no text can set it)' : '';
  return [p.help, p.range === undefined ? '' : `(${p.range})`, unsettable].filter(Boolean).join(' ');
}

function exampleLines(
  program: string,
  others: readonly ParamDescription[],
  owners: readonly ParamDescription[],
  taken: ReadonlySet<string>,
): string[] {
  const run = `sudo skep run ${program}`;
  const lines = others
    .filter((p) => p.takes !== '')
    .slice(0, 3)
    .map((p) => {
      const flag = flagOf(p.name, taken);
      if (flag === undefined) return `${run} --set ${p.name}=${p.example}`;
      return p.bool ? `${run} ${flag}` : `${run} ${flag} ${p.example}`;
    });
  if (owners.length > 0) lines.push(`${run} ${owners.map((p) => `--${p.owner} ${example(p)}`).join(' ')}`);
  return lines;
}

/** A command of which everyone knows one says more than "text". */
function example(p: ParamDescription): string {
  return p.owner === 'comm' ? 'curl' : p.owner === 'pid' ? '1234' : p.example;
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '  ');
}
