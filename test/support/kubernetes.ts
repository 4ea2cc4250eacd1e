import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const VERSION = '1.34';

/**
 * What is wrong with each object, null for nothing: by Kubernetes' own schemas, which the PyPI package kubernetes-validate brings,
 * and by those of Prometheus' operator for a ServiceMonitor and a PrometheusRule.
 */
export function kubernetesFaults(objects: readonly unknown[]): (string | null)[] {
  const tools = execFileSync('sh', [join(root, 'scripts/kube-tools.sh')], { encoding: 'utf8' }).trim();
  const schemas = ['servicemonitor', 'prometheusrule'].map((kind) =>
    join(import.meta.dirname, `${kind}.schema.json`),
  );
  const out = execFileSync(
    '/usr/bin/python3',
    [join(root, 'scripts/kube-validate.py'), VERSION, ...schemas],
    {
      input: JSON.stringify(objects),
      env: { ...process.env, PYTHONPATH: tools },
      encoding: 'utf8',
    },
  );
  return JSON.parse(out) as (string | null)[];
}
