import { type Data, isRecord } from './data.ts';
import { functions, show, truthy } from './template-functions.ts';
import { type Expr, type Node, parseTemplate, templateError } from './template-parse.ts';

export { type Data, toJson } from './data.ts';

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
  return {
    fill: (data) => run(nodes, { dot: data, variables: new Map([['', data]]) }),
    header: () => headerOf(nodes),
  };
}

/** What a block sees: the dot, and variables by their names. */
interface Scope {
  dot: Data;
  variables: ReadonlyMap<string, Data>;
}

function run(nodes: readonly Node[], scope: Scope): string {
  let text = '';
  let { variables } = scope;
  for (const node of nodes) {
    const here = { ...scope, variables };
    if (node.kind === 'text') text += node.text;
    else if (node.kind === 'print') text += show(evaluate(node.expr, here));
    else if (node.kind === 'let') variables = new Map([...variables, [node.name, evaluate(node.expr, here)]]);
    else text += runBlock(node, here);
  }
  return text;
}

function runBlock(node: Extract<Node, { body: Node[] }>, scope: Scope): string {
  const value = evaluate(node.expr, scope);
  if (!truthy(value)) return run(node.otherwise, scope);
  const inside = (dot: Data, ...declared: Data[]): string =>
    run(node.body, {
      dot,
      variables: new Map([...scope.variables, ...node.names.map((n, i): [string, Data] => [n, declared[i]])]),
    });
  if (node.kind === 'if') return inside(scope.dot, value);
  if (node.kind === 'with') return inside(value, value);
  if (!Array.isArray(value) && !isRecord(value)) throw templateError(`cannot range over ${show(value)}`);
  const entries: [string | number, Data][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  // A single variable is the element.
  const declared = (key: string | number, item: Data) => (node.names.length > 1 ? [key, item] : [item]);
  return entries.map(([key, item]) => inside(item, ...declared(key, item))).join('');
}

function evaluate(expr: Expr, scope: Scope): Data {
  if (expr.kind === 'literal') return expr.value;
  if (expr.kind === 'call') return functions[expr.name]!(...expr.args.map((arg) => evaluate(arg, scope)));
  if (expr.kind === 'variable') {
    if (scope.variables.has(expr.name)) return scope.variables.get(expr.name);
    throw templateError(`no variable '$${expr.name}'`);
  }
  let value = expr.of ? evaluate(expr.of, scope) : scope.dot;
  for (const name of expr.path) {
    if (!isRecord(value) || !Object.hasOwn(value, name)) {
      const has = isRecord(value) ? `; there are ${Object.keys(value).join(', ')}` : '';
      throw templateError(`no field '${name}'${has}`);
    }
    value = value[name];
  }
  return value;
}

function* calls(nodes: readonly Node[]): Iterable<string> {
  for (const node of nodes) {
    if (node.kind === 'text') continue;
    yield* callsIn(node.expr);
    if ('body' in node) yield* calls([...node.body, ...node.otherwise]);
  }
}

function* callsIn(expr: Expr): Iterable<string> {
  if (expr.kind === 'field' && expr.of) yield* callsIn(expr.of);
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
  return nodes
    .map((node) => (node.kind === 'text' ? node.text : node.kind === 'let' ? '' : title(field(node.expr))))
    .join('');
}
