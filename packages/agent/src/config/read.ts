import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import { AgentError } from '../errors.ts';
import type { AgentOptions } from '../options.ts';
import { CONFIG, type Config } from './schema.ts';

const HINT = 'docs/agent.md and docs/schema/agent.schema.json say what may stand there.';

/** What a file of settings makes of the options. @throws AgentError SKEP_AGENT_CONFIG, with file and line */
export function readConfig(path: string): Partial<AgentOptions> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new AgentError(
      'SKEP_AGENT_CONFIG',
      `${path} cannot be read (${(error as Error).message})`,
      'Name a YAML file with --config.',
      error,
    );
  }
  return optionsOf(parseConfig(text, path));
}

/** @throws AgentError SKEP_AGENT_CONFIG, with file and line */
export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const fail = (offset: number, message: string): AgentError => {
    const { line } = lines.linePos(offset);
    return new AgentError('SKEP_AGENT_CONFIG', `${file}:${Math.max(1, line)}: ${message}`, HINT);
  };
  const [problem] = [...document.errors, ...document.warnings];
  if (problem?.code === 'MULTIPLE_DOCS')
    throw fail(problem.pos[0], 'the settings are one document, and here a second begins');
  if (problem) throw fail(problem.pos[0], problem.message.replace(/\.$/, ''));
  const said = valuesOf(document, fail);
  // An empty file says nothing, which is allowed.
  if (document.contents && !isMap(document.contents) && said !== null)
    throw fail(0, 'there must be keys and values');
  // To valibot a list is an object without keys: it would pass, and narrow nothing.
  for (const [name, schema] of Object.entries(CONFIG.entries)) {
    const list = entriesOf(schema) && isSeq(document.get(name, true));
    if (list) throw fail(placeOf(document, [name]), `"${name}" must have keys and values`);
  }
  const result = v.safeParse(CONFIG, said ?? {}, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const keys = (issue.path ?? []).map((item) => item.key as string | number);
  const name = keys.join('.');
  const at = placeOf(document, keys);
  if (issue.type !== 'strict_object') throw fail(at, `"${name}" ${issue.message}`);
  const known = knownKeys(keys.slice(0, -1));
  if (!document.hasIn(keys)) throw fail(at, `"${keys.slice(0, -1).join('.')}" needs "${keys.at(-1)}"`);
  if (known.includes(String(keys.at(-1)))) throw fail(at, `"${name}" must have keys and values`);
  throw fail(at, `"${name}" is no setting; there are ${known.join(', ')}`);
}

/** @throws AgentError for an alias of nothing, or for more of them than settings can have */
function valuesOf(document: Document, fail: (offset: number, message: string) => AgentError): unknown {
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) === undefined)
        throw fail(alias.range?.[0] ?? 0, `there is no &${alias.source} before this`);
    },
    Pair(_, { key }) {
      if (!isScalar(key) || typeof key.value !== 'string')
        throw fail((isNode(key) && key.range?.[0]) || 0, 'a key is a text');
    },
  });
  try {
    return document.toJS();
  } catch (error) {
    throw fail(0, (error as Error).message);
  }
}

/** Where the key stands that the path ends with, or its value. */
function placeOf(document: Document, path: readonly (string | number)[]): number {
  const parent = path.length === 0 ? document.contents : document.getIn(path.slice(0, -1), true);
  const key = path.at(-1);
  if (isMap(parent)) {
    const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
    if (pair && isNode(pair.key)) return pair.key.range?.[0] ?? 0;
  }
  const node = document.getIn(path, true) ?? parent;
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

/** The settings that may stand at a place. */
function knownKeys(path: readonly (string | number)[]): string[] {
  let schema: unknown = CONFIG;
  for (const key of path) {
    const entries = entriesOf(schema);
    schema = entries?.[key];
  }
  return Object.keys(entriesOf(schema) ?? {});
}

function entriesOf(schema: unknown): Record<string, unknown> | undefined {
  const { entries, wrapped } = schema as { entries?: Record<string, unknown>; wrapped?: unknown };
  return entries ?? (wrapped === undefined ? undefined : entriesOf(wrapped));
}

function optionsOf(c: Config): Partial<AgentOptions> {
  const { watch, routes, spans, limits, socket } = c;
  return {
    watch: watch && {
      port: watch.ports?.map(String),
      pid: watch.pids?.map(String),
      exe: watch.executables,
      cgroup: watch.cgroups,
      netns: watch.network_namespaces,
    },
    prom: c.prometheus?.listen,
    otlp: c.otlp && { url: c.otlp.endpoint, metricIntervalMs: c.otlp.metric_interval || undefined },
    socket: socket === undefined ? undefined : socket === false ? false : { path: socket, required: true },
    routes: routes?.patterns,
    limits: {
      ...(routes?.children === undefined ? {} : { children: routes.children }),
      ...(routes?.per_service === undefined ? {} : { routes: routes.per_service }),
      ...limits,
    },
    sampling: spans && { errorMs: spans.errors, slowMs: spans.slow, anyMs: spans.sample },
    callers: c.callers,
    cpuBudgetPercent: c.cpu_budget,
    selfCheckMs: c.self_check,
  };
}
