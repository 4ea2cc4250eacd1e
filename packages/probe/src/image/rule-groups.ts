import { parseDocument } from 'yaml';

/** Why a text is no file of Prometheus rules; undefined when it looks like one. Prometheus looks closer. */
export function rulesProblem(text: string): string | undefined {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) return `is no YAML: ${problem.message.split('\n', 1)[0]}`;
  const { groups } = (document.toJS() ?? {}) as { groups?: unknown };
  return Array.isArray(groups) ? undefined : 'holds no Prometheus rules: it has no groups';
}
