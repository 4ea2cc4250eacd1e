import { type Expr, type Node, parseTemplate, templateError } from './template-parse.ts';

/** What a template prints: plain data with Go-like names ("Reference", "Size"). */
export type Data =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Date
  | Data[]
  | { [name: string]: Data };

/** A template ready to be filled. */
export interface Template {
  fill(data: Data): string;
  /** The header of a table: each action as the name of its field in capitals. */
  header(): string;
}

/** Parses a Go-like template; throws SKEP_TEMPLATE for one that cannot be read. */
export function template(source: string): Template {
  const nodes = parseTemplate(source);
  for (const name of calls(nodes)) {
    if (!Object.hasOwn(functions, name)) {
      throw templateError(`no function '${name}'; there are ${Object.keys(functions).join(', ')}`);
    }
  }
  return { fill: (data) => run(nodes, data), header: () => headerOf(nodes) };
}

/** JSON with 64-bit integers as plain digits. */
export function toJson(value: Data, indent = 0): string {
  return (
    JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? rawNumber(v) : v), indent) ?? 'null'
  );
}

function rawNumber(v: bigint): unknown {
  // JSON.rawJSON came with Node 22 (V8 11.4); the DOM-free typings do not know it yet.
  const raw = (JSON as unknown as { rawJSON?: (text: string) => unknown }).rawJSON;
  return raw ? raw(String(v)) : Number(v);
}

function run(nodes: readonly Node[], data: Data): string {
  let text = '';
  for (const node of nodes) {
    if (node.kind === 'text') text += node.text;
    else if (node.kind === 'print') text += show(evaluate(node.expr, data));
    else text += runBlock(node, data);
  }
  return text;
}

function runBlock(node: Extract<Node, { body: Node[] }>, data: Data): string {
  const value = evaluate(node.expr, data);
  if (!truthy(value)) return run(node.otherwise, data);
  if (node.kind === 'if') return run(node.body, data);
  if (node.kind === 'with') return run(node.body, value);
  if (Array.isArray(value)) return value.map((item) => run(node.body, item)).join('');
  if (isRecord(value))
    return Object.values(value)
      .map((item) => run(node.body, item))
      .join('');
  throw templateError(`cannot range over ${show(value)}`);
}

function evaluate(expr: Expr, data: Data): Data {
  if (expr.kind === 'literal') return expr.value;
  if (expr.kind === 'call') return functions[expr.name]!(...expr.args.map((arg) => evaluate(arg, data)));
  let value = data;
  for (const name of expr.path) {
    if (!isRecord(value) || !Object.hasOwn(value, name)) {
      const has = isRecord(value) ? `; there are ${Object.keys(value).join(', ')}` : '';
      throw templateError(`no field '${name}'${has}`);
    }
    value = value[name];
  }
  return value;
}

const functions: Record<string, (...args: Data[]) => Data> = {
  json: (value) => toJson(value),
  lower: (value) => show(value).toLowerCase(),
  upper: (value) => show(value).toUpperCase(),
  title: (value) => show(value).replace(/\b\w/g, (c) => c.toUpperCase()),
  join: (list, separator) => (Array.isArray(list) ? list.map(show).join(show(separator)) : show(list)),
  split: (text, separator) => show(text).split(show(separator)),
  truncate: (text, length) => show(text).slice(0, Number(length)),
  len: (value) =>
    isRecord(value) ? Object.keys(value).length : Array.isArray(value) ? value.length : show(value).length,
  index: (value, key) =>
    Array.isArray(value) ? value[Number(key)] : isRecord(value) ? value[show(key)] : undefined,
  println: (...values) => `${values.map(show).join(' ')}\n`,
  eq: (a, ...rest) => rest.some((b) => show(a) === show(b)),
  ne: (a, b) => show(a) !== show(b),
  not: (value) => !truthy(value),
  and: (...values) => values.find((v) => !truthy(v)) ?? values.at(-1),
  or: (...values) => values.find(truthy) ?? values.at(-1),
};

function show(value: Data): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return `[${value.map(show).join(' ')}]`;
  if (typeof value === 'object') return toJson(value);
  return String(value);
}

function truthy(value: Data): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isRecord(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

function isRecord(value: Data): value is { [name: string]: Data } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function* calls(nodes: readonly Node[]): Iterable<string> {
  for (const node of nodes) {
    if (node.kind === 'text') continue;
    yield* callsIn(node.expr);
    if (node.kind !== 'print') yield* calls([...node.body, ...node.otherwise]);
  }
}

function* callsIn(expr: Expr): Iterable<string> {
  if (expr.kind !== 'call') return;
  yield expr.name;
  for (const arg of expr.args) yield* callsIn(arg);
}

/** Where docker's heading is not the field's name. */
const headings: Record<string, string> = { CreatedSince: 'CREATED' };

function headerOf(nodes: readonly Node[]): string {
  const field = (expr: Expr): string | undefined =>
    expr.kind === 'field'
      ? expr.path.at(-1)
      : expr.kind === 'call'
        ? expr.args.map(field).find(Boolean)
        : undefined;
  const title = (name = '') => headings[name] ?? name.replace(/([a-z])([A-Z])/g, '$1 $2').toUpperCase();
  return nodes.map((node) => (node.kind === 'text' ? node.text : title(field(node.expr)))).join('');
}
