import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const VERSION = '1.34';

/**
 * What is wrong with each object, null for nothing: by Kubernetes' own schemas, which the PyPI package kubernetes-validate brings,
 * and by that of Prometheus' operator for a ServiceMonitor.
 */
export function kubernetesFaults(objects: readonly unknown[]): (string | null)[] {
  const tools = execFileSync('sh', [join(root, 'scripts/kube-tools.sh')], { encoding: 'utf8' }).trim();
  const schema = join(import.meta.dirname, 'servicemonitor.schema.json');
  const out = execFileSync('/usr/bin/python3', [join(root, 'scripts/kube-validate.py'), VERSION, schema], {
    input: JSON.stringify(objects),
    env: { ...process.env, PYTHONPATH: tools },
    encoding: 'utf8',
  });
  return JSON.parse(out) as (string | null)[];
}
