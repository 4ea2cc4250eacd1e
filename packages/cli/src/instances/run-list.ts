import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LineCounter, type Node, parseDocument, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import { usageError } from '../errors.ts';
import { looksLikePath } from '../probe-source.ts';
import type { ProgramRequest } from '../run/programs.ts';

const EXAMPLE = 'Like "probes: [oomkill:1, {image: tcpconnlat:1, set: {min_latency: 5ms}}]".';
const KEYS = ['name', 'probes'];
const PROBE_KEYS = ['image', 'name', 'set', 'attach', 'hook', 'show'];

/** What a list of programs says. */
export interface RunList {
  readonly name?: string;
  readonly programs: readonly ProgramRequest[];
}

/**
 * Reads a list of programs that run together:
 *
 * ```yaml
 * name: node              # what an instance is called
 * probes:
 *   - oomkill:1
 *   - image: tcpconnlat:1 # or a path, seen from the list's folder
 *     name: slow          # to run one twice
 *     set: { min_latency: 5ms }
 *     attach: [count=eth0]
 *     hook: { connect: fentry }
 *     show: [counter=calls] # of a probe whose maps have no prefix
 * ```
 *
 * @throws CliError SKEP_USAGE with file and line
 */
export async function readRunList(file: string): Promise<RunList> {
  const text = await readFile(file, 'utf8');
  return parseRunList(text, file);
}

/** The same of a text. Exported for its test. */
export function parseRunList(text: string, file: string): RunList {
  const lines = new LineCounter();
  const fail = (at: number, message: string, hint = EXAMPLE) =>
    usageError(`${file}:${Math.max(lines.linePos(at).line, 1)}: ${message}`, hint);
  const document = parseDocument(text, { schema: 'failsafe', lineCounter: lines, prettyErrors: false });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw fail(problem.pos[0], problem.message.replace(/\.$/, ''));
  const textOf = (node: unknown, what: string, at: number): string => {
    if (node instanceof Scalar && typeof node.value === 'string' && node.value !== '') return node.value;
    throw fail(start(node) || at, `${what} must be a text`);
  };
  const pairs = (node: unknown, what: string, at: number) => {
    if (node instanceof YAMLMap)
      return node.items.map(({ key, value }) => ({ key: textOf(key, 'a key', at), value, at: start(key) }));
    throw fail(start(node) || at, `${what} must be names and values`);
  };
  const list = (node: unknown, what: string, at: number): unknown[] => {
    if (node instanceof YAMLSeq && node.items.length > 0) return node.items;
    throw fail(start(node) || at, `${what} must be a list with something in it`);
  };
  const known = (keys: readonly string[], key: string, at: number): void => {
    if (!keys.includes(key)) throw fail(at, `"${key}" is no key here`, `The keys are ${keys.join(', ')}.`);
  };
  const probe = (node: unknown, at: number): ProgramRequest => {
    if (node instanceof Scalar) return { program: place(file, textOf(node, 'a probe', at)) };
    const found: Record<string, unknown> = {};
    for (const { key, value, at: here } of pairs(node, 'a probe', at)) {
      known(PROBE_KEYS, key, here);
      if (key === 'image') found.program = place(file, textOf(value, key, here));
      else if (key === 'name') found.name = textOf(value, key, here);
      else if (key === 'attach' || key === 'show')
        found[key] = list(value, key, here).map((v) => textOf(v, key, here));
      else
        found[key] = Object.fromEntries(
          pairs(value, key, here).map((p) => [
            p.key,
            p.value instanceof YAMLSeq && key === 'set'
              ? list(p.value, p.key, p.at).map((v) => textOf(v, p.key, p.at))
              : textOf(p.value, p.key, p.at),
          ]),
        );
    }
    if (found.program === undefined) throw fail(start(node) || at, 'there is no "image"');
    return found as unknown as ProgramRequest;
  };
  let name: string | undefined;
  let programs: ProgramRequest[] = [];
  for (const { key, value, at } of pairs(document.contents, 'the list', 0)) {
    known(KEYS, key, at);
    if (key === 'name') name = textOf(value, key, at);
    else programs = list(value, key, at).map((node) => probe(node, at));
  }
  if (programs.length === 0) throw fail(0, 'there is no "probes"');
  return { name, programs };
}

/** A path is meant from the list's folder. */
function place(file: string, program: string): string {
  return looksLikePath(program) && !/^[/~]/.test(program) ? join(dirname(file), program) : program;
}

function start(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}
