import { globSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** The test files that need a kernel, relative to the checkout: `*.kernel.test.ts`. They run on the host too. */
export function kernelTests(): string[] {
  const places = ['packages/*/test/**', 'probes/*/**', 'test/**'];
  return globSync(
    places.map((p) => `${p}/*.kernel.test.ts`),
    { cwd: root },
  ).sort();
}
