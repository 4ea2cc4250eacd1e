import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Case } from '../lib/case.ts';
import { skep } from '../lib/workplace.ts';

const KERNELS = ['5.10', '6.1', '6.12', '7.2', 'running'];
const probes = join(import.meta.dirname, '../../probes');

/** The probe with by far the most programs, the next, and one of the usual size. */
const CHECKED = ['http-red', 'fslatency', 'opensnoop'] as const;

export const check: Case = {
  name: 'check',
  title: 'skep check of an image against five kernels',
  unit: 's',
  target: 'under 2',
  times: 3,
  conditions: `whole process, image in the store, --kernel ${KERNELS.join(' ')} (the last is asked to load it, too)`,
  async round(_place, round) {
    const out: Record<string, number> = {};
    for (const probe of CHECKED) {
      const image = `${probe}:1`;
      if (round === 0) execFileSync(skep, ['build', join(probes, probe), image], { stdio: 'pipe' });
      const began = performance.now();
      const args = ['check', image, ...KERNELS.flatMap((k) => ['--kernel', k])];
      execFileSync(skep, args, { stdio: 'pipe' });
      out[`skep check ${probe}`] = (performance.now() - began) / 1000;
    }
    return out;
  },
};
