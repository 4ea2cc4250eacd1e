import { CliError } from '../errors.ts';

/** An operand or a call inside `{{ }}`. */
export type Expr =
  /** Of the dot, or of what `of` gives: `$x.Name`, `(index .List 0).Name`. */
  | { kind: 'field'; path: string[]; of?: Expr }
  /** By its name without the `$`; the empty one is all that the template was given. */
  | { kind: 'variable'; name: string }
  | { kind: 'literal'; value: string | number | boolean }
  | { kind: 'call'; name: string; args: Expr[] };

/** A piece of a template. */
export type Node =
  | { kind: 'text'; text: string }
  | { kind: 'print'; expr: Expr }
  | { kind: 'let'; name: string; expr: Expr }
  /** `names` are the variables that it declares: of a range the index and the element. */
  | { kind: 'if' | 'range' | 'with'; names: string[]; expr: Expr; body: Node[]; otherwise: Node[] };

export function templateError(message: string): CliError {
  return new CliError(
    'SKEP_TEMPLATE',
    `--format: ${message}`,
    "Use json, or Go template syntax: --format '{{.Reference}} {{.Size}}', 'table {{.Digest}}', '{{json .}}'.",
  );
}

/** Parses the part of Go's text/template that docker's --format is used with. `\t` and `\n` may be spelled out. */
export function parseTemplate(source: string): Node[] {
  const pieces: (string | { action: string })[] = [];
  let at = 0;
  const text = source.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
  while (at < text.length) {
    const open = text.indexOf('{{', at);
    if (open < 0) {
      pieces.push(text.slice(at));
      break;
    }
    const close = text.indexOf('}}', open + 2);
    if (close < 0) throw templateError(`'{{' at character ${open + 1} is never closed`);
    pieces.push(text.slice(at, open), { action: text.slice(open + 2, close) });
    at = close + 2;
  }
  trimMarkers(pieces);
  const reader = { pieces, at: 0 };
  const { nodes, end } = readNodes(reader);
  if (end) throw templateError(`'{{${end}}}' without a block that it ends`);
  return nodes;
}

/** `{{-` eats the blanks before it, `-}}` those after. */
function trimMarkers(pieces: (string | { action: string })[]): void {
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i]!;
    if (typeof piece === 'string') continue;
    const before = pieces[i - 1];
    const after = pieces[i + 1];
    if (/^-\s/.test(piece.action)) {
      piece.action = piece.action.slice(1);
      if (typeof before === 'string') pieces[i - 1] = before.trimEnd();
    }
    if (/\s-$/.test(piece.action)) {
      piece.action = piece.action.slice(0, -1);
      if (typeof after === 'string') pieces[i + 1] = after.trimStart();
    }
    piece.action = piece.action.trim();
  }
}

interface PieceReader {
  pieces: (string | { action: string })[];
  at: number;
}

/** Up to what ends a block; `end` is that action. */
function readNodes(reader: PieceReader): { nodes: Node[]; end?: string } {
  const nodes: Node[] = [];
  while (reader.at < reader.pieces.length) {
    const piece = reader.pieces[reader.at++]!;
    if (typeof piece === 'string') {
      if (piece) nodes.push({ kind: 'text', text: piece });
      continue;
    }
    const { action } = piece;
    if (/^\/\*.*\*\/$/s.test(action)) continue;
    if (/^(end|else)$/.test(action) || /^else\s+(if|with)\s/.test(action)) return { nodes, end: action };
    const [, name, value] = /^\$(\w+)\s*:=\s*(.+)$/s.exec(action) ?? [];
    if (/^(if|range|with)\s/.test(action)) nodes.push(readBlock(reader, action));
    else if (name !== undefined) nodes.push({ kind: 'let', name, expr: parsePipeline(value!) });
    else nodes.push({ kind: 'print', expr: parsePipeline(action) });
  }
  return { nodes };
}

/** `if`, `range` or `with`, whose own words are `action`. An `else if` is another one in its else. */
function readBlock(reader: PieceReader, action: string): Node {
  const [, kind, first, second, source] =
    /^(if|range|with)\s+(?:\$(\w+)\s*(?:,\s*\$(\w+)\s*)?:=\s*)?(.+)$/s.exec(action)!;
  const expr = parsePipeline(source!);
  const body = readNodes(reader);
  let otherwise: Node[] = [];
  let { end } = body;
  if (end === 'else') ({ nodes: otherwise, end } = readNodes(reader));
  else if (end?.startsWith('else')) {
    otherwise = [readBlock(reader, end.replace(/^else\s+/, ''))];
    end = 'end';
  }
  if (end !== 'end') throw templateError(`'{{${action}}}' has no '{{end}}'`);
  const names = [first, second].filter((name) => name !== undefined);
  return { kind: kind as 'if', names, expr, body: body.nodes, otherwise };
}

const token =
  /\s*(?:"(?:[^"\\]|\\.)*"|`[^`]*`|-?\d+(?:\.\d+)?|\$\w*(?:\.\w[\w.]*)?|\.[\w.]*|\w+|\)(?:\.\w[\w.]*)?|[|(])/y;

/** `a b | c`: the value of the left becomes the last argument of the right. */
function parsePipeline(source: string): Expr {
  const tokens: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < source.length) {
    const from = token.lastIndex;
    const match = token.exec(source);
    if (!match) throw templateError(`cannot read '${source.slice(from).trim()}' in '{{${source}}}'`);
    tokens.push(match[0].trim());
  }
  const reader = { tokens, at: 0, source };
  const expr = readPipeline(reader);
  if (reader.at < tokens.length) throw templateError(`unexpected '${tokens[reader.at]}' in '{{${source}}}'`);
  return expr;
}

interface TokenReader {
  tokens: string[];
  at: number;
  source: string;
}

function readPipeline(r: TokenReader): Expr {
  let expr = readCommand(r);
  while (r.tokens[r.at] === '|') {
    r.at++;
    const next = readCommand(r);
    if (next.kind !== 'call') throw templateError(`'|' needs a function after it in '{{${r.source}}}'`);
    expr = { ...next, args: [...next.args, expr] };
  }
  return expr;
}

function readCommand(r: TokenReader): Expr {
  const first = readOperand(r);
  if (first.kind !== 'call' || first.args.length > 0) return first;
  while (r.at < r.tokens.length && r.tokens[r.at] !== '|' && !r.tokens[r.at]!.startsWith(')')) {
    first.args.push(readOperand(r));
  }
  return first;
}

function readOperand(r: TokenReader): Expr {
  const t = r.tokens[r.at++];
  if (t === undefined) throw templateError(`'{{${r.source}}}' says nothing to print`);
  if (t === '(') {
    const inner = readPipeline(r);
    const close = r.tokens[r.at++];
    if (!close?.startsWith(')')) throw templateError(`'(' is never closed in '{{${r.source}}}'`);
    return close === ')' ? inner : { kind: 'field', path: pathOf(close.slice(1)), of: inner };
  }
  if (t.startsWith('.')) return { kind: 'field', path: pathOf(t) };
  if (t.startsWith('$')) {
    const [name = ''] = t.slice(1).split('.');
    return { kind: 'field', path: pathOf(t.slice(name.length + 1)), of: { kind: 'variable', name } };
  }
  if (t.startsWith('"')) return { kind: 'literal', value: unquote(t, r.source) };
  if (t.startsWith('`')) return { kind: 'literal', value: t.slice(1, -1) };
  if (/^-?\d/.test(t)) return { kind: 'literal', value: Number(t) };
  if (t === 'true' || t === 'false') return { kind: 'literal', value: t === 'true' };
  if (!/^\w/.test(t)) throw templateError(`unexpected '${t}' in '{{${r.source}}}'`);
  return { kind: 'call', name: t, args: [] };
}

/** `.A.B` */
function pathOf(text: string): string[] {
  return text.split('.').filter(Boolean);
}

function unquote(text: string, source: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    throw templateError(`cannot read the string ${text} in '{{${source}}}'`);
  }
}
