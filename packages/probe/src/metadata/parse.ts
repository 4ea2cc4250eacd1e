import { LineCounter, type Node, parseDocument, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import { ProbeError } from '../errors.ts';
import { FIELDS, type Field, type FieldName } from './fields.ts';
import type { Metadata } from './types.ts';

const SYNTAX = 'It is not YAML there. A text with ": " or " #" in it stands between quotes.';

const names = Object.keys(FIELDS) as FieldName[];

/**
 * Reads the text of a skep.yaml. All scalars are texts (YAML's failsafe schema), so that version 1.10 stays 1.10.
 *
 * @param file how messages call it
 * @throws {ProbeError} `SKEP_METADATA`, with file and line
 */
export function parseMetadata(text: string, file: string): Metadata {
  return new Parser(text, file).metadata();
}

class Parser {
  readonly #lines = new LineCounter();
  readonly #file: string;
  readonly #root: unknown;

  constructor(text: string, file: string) {
    this.#file = file;
    const document = parseDocument(text, {
      schema: 'failsafe',
      lineCounter: this.#lines,
      prettyErrors: false,
    });
    const [problem] = [...document.errors, ...document.warnings];
    if (problem) throw this.#error(problem.pos[0], `${problem.message.replace(/\.$/, '')}.`, SYNTAX);
    this.#root = document.contents;
  }

  metadata(): Metadata {
    if (!(this.#root instanceof YAMLMap))
      throw this.#error(0, 'There must be keys and values, like "name: oomkill".');
    const found: Partial<Record<FieldName, string | string[]>> = {};
    for (const { key, value } of this.#root.items) {
      const name = this.#key(key);
      found[name] = this.#value(name, FIELDS[name], value, key);
    }
    for (const name of names) {
      const field: Field = FIELDS[name];
      if (field.required && found[name] === undefined)
        throw this.#error(0, `There is no "${name}".`, `Add one, like "${name}: ${field.example}".`);
    }
    if (typeof found.authors === 'string') found.authors = [found.authors];
    return found as Metadata;
  }

  #key(key: unknown): FieldName {
    const name = key instanceof Scalar ? String(key.value) : '';
    const known = names.find((n) => n === name);
    if (known) return known;
    const said = name ? `"${name}" is no key of skep.yaml.` : 'A key must be a word.';
    throw this.#error(start(key), said, `The keys are ${names.join(', ')}.`);
  }

  #value(name: FieldName, field: Field, value: unknown, key: unknown): string | string[] {
    const at = start(value) || start(key);
    const like = field.shape === 'list' ? `${name}: [${field.example}]` : `${name}: ${field.example}`;
    const fail = (where: number, what: string) =>
      this.#error(where, `"${name}" must be ${what}.`, `Like "${like}".`);
    const text = (node: unknown): string => {
      if (!(node instanceof Scalar)) throw fail(start(node) || at, field.wanted);
      // Lines become one; blanks within it stay, which names of files and parameters may have.
      const said = String(node.value ?? '')
        .trim()
        .replace(/\s*[\n\t]\s*/g, ' ');
      if (field.pattern.test(said)) return said;
      throw fail(start(node) || at, field.wanted);
    };
    if (value instanceof YAMLSeq) {
      if (field.shape === 'text') throw fail(at, 'one text, not a list');
      if (value.items.length === 0) throw fail(at, 'a list with something in it');
      const texts = value.items.map(text);
      if (new Set(texts).size < texts.length) throw fail(at, 'a list without repetitions');
      return texts;
    }
    if (field.shape === 'list') throw fail(at, 'a list');
    return text(value);
  }

  #error(
    at: number,
    message: string,
    hint = 'docs/schema/skep.schema.json says what may stand there.',
  ): ProbeError {
    const { line } = this.#lines.linePos(at);
    return new ProbeError('SKEP_METADATA', `${this.#file}:${Math.max(line, 1)}: ${message}`, { hint });
  }
}

/** Where a node of the document begins. */
function start(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}
