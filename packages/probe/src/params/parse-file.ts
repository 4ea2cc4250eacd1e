import { isAlias, LineCounter, type Node, parseDocument, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import { ProbeError } from '../errors.ts';
import type { ParamSetting } from './setting.ts';

const EXAMPLE = 'Like "min_latency: 5ms", or "ports: [80, 443, 8000-8010]".';

/** A file of parameters: what it sets, by name, and where each name stands. */
export interface ParamsFile {
  settings: Record<string, ParamSetting>;
  /** `params.yaml:3`, by name. */
  places: Record<string, string>;
}

/**
 * Reads the text of a file of parameters.
 *
 * @param file how messages call it
 * @throws {ProbeError} `SKEP_PARAM_FILE`, with the line
 */
export function parseParamsFile(text: string, file: string): ParamsFile {
  const lines = new LineCounter();
  const place = (at: number): string => `${file}:${Math.max(lines.linePos(at).line, 1)}`;
  const fail = (at: number, message: string, hint = EXAMPLE) =>
    new ProbeError('SKEP_PARAM_FILE', `${place(at)}: ${message}`, { hint });
  const document = parseDocument(text, { schema: 'failsafe', lineCounter: lines, prettyErrors: false });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw fail(problem.pos[0], `${problem.message.replace(/\.$/, '')}.`);
  const found: ParamsFile = { settings: {}, places: {} };
  if (document.contents === null) return found;
  if (!(document.contents instanceof YAMLMap))
    throw fail(start(document.contents), 'There must be names and values.');
  const textOf = (node: unknown, at: number, name: string): string => {
    if (node instanceof Scalar && typeof node.value === 'string' && (node.value !== '' || quoted(node)))
      return node.value;
    const what = isAlias(node)
      ? 'an alias'
      : node instanceof Scalar || node === null
        ? 'nothing'
        : 'a list or map';
    throw fail(start(node) || at, `"${name}" is set to ${what}, where a value must stand.`);
  };
  for (const { key, value } of document.contents.items as { key: unknown; value: unknown }[]) {
    const at = start(key);
    const name = key instanceof Scalar ? String(key.value) : '';
    if (name === '') throw fail(at, 'A name must be a word.');
    const from = place(at);
    found.places[name] = from;
    if (value instanceof YAMLSeq) {
      const values = value.items.map((item: unknown) => textOf(item, start(value), name));
      const places = value.items.map((item: unknown) => place(start(item)));
      found.settings[name] = { value: values, from, places };
    } else found.settings[name] = { value: textOf(value, at, name), from };
  }
  return found;
}

/** An empty text that is meant: "" or ''. */
function quoted({ type }: Scalar): boolean {
  return type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE';
}

/** Where a node of the document begins. */
function start(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}
