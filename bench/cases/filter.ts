import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startRun } from '@skep/runtime';
import { type Case, inTurn } from '../lib/case.ts';
import { generate } from '../lib/process.ts';
import { skep, type Workplace } from '../lib/workplace.ts';

const CALLS = 200_000;
const cgroups = '/sys/fs/cgroup/unified';

/** Lists of skep_filter.h that all let the generator pass, so that each way does the same work behind the question. */
const ways: readonly { name: string; asks: boolean; params: Record<string, string> }[] = [
  { name: 'no question', asks: false, params: {} },
  { name: 'lists unset', asks: true, params: {} },
  { name: 'one user', asks: true, params: { target_uid: '0' } },
  {
    name: '1,000 users',
    asks: true,
    params: { target_uid: Array.from({ length: 1000 }, (_, id) => id).join() },
  },
  { name: 'one command', asks: true, params: { target_comm: 'skepgen' } },
  { name: 'two commands', asks: true, params: { target_comm: 'skepgen,other' } },
  // The root has everything below it, and is looked at first.
  ...(existsSync(cgroups) ? [{ name: 'one cgroup', asks: true, params: { target_cgroup: cgroups } }] : []),
];

export const filter: Case = {
  name: 'filter',
  title: 'Asking whose an event is, per run of the program',
  unit: 'ns',
  target: 'nothing for lists that are not set',
  conditions: `the kernel's own account of the program (bpf_stats), ${CALLS.toLocaleString('en')} calls each; it reads the clock twice a run, which is in all figures`,
  times: 3,
  async round(place, round) {
    const out: Record<string, number> = {};
    for (const { name, asks, params } of inTurn(ways, round)) {
      const run = await startRun({
        name: 'filter',
        objects: [{ name: 'filter.o', bytes: readFileSync(objectOf(place, asks)) }],
        params,
        sinks: [],
      });
      try {
        await generate(place.generator, CALLS, 0);
        const [program] = run.stats().programs;
        if (Number(program!.runs) !== CALLS) throw new Error(`${name}: ran ${program!.runs} times`);
        out[name] = Number(program!.runTimeNs) / CALLS;
      } finally {
        await run.stop();
      }
    }
    return out;
  },
};

function objectOf(place: Workplace, asks: boolean): string {
  const object = join(place.dir, `filter-${asks}.o`);
  if (existsSync(object)) return object;
  const source = join(import.meta.dirname, '../probes/filter.c');
  const flags = asks ? ['--cflags', '-DASK'] : [];
  execFileSync(skep, ['build', source, '--binary-only', '-o', object, ...flags], { stdio: 'pipe' });
  return object;
}
