// node bench/rungs.ts [ROUNDS] RUNG…: what each of these rungs costs a request, in a guest (test/kernels/run.ts), where
// nothing else runs: processor time of clients and servers with and without the probe in turns, and run time of the programs.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { startRun } from '@skep/runtime';
import { testCgroup } from '../probes/support/cgroup.ts';
import { fixture, nativeFixture } from '../test/support/fixtures.ts';

if (process.env.SKEP_GUEST === undefined) throw new Error('it counts the runs of all programs: in a guest');
const [first, ...others] = process.argv.slice(2);
const rounds = Number(first) || 2;
const rungs = Number(first) ? others : [first!, ...others];
const [PAIRS, REQUESTS, LOADS] = [2, 1000, 3];
const pairs = await nativeFixture(new URL('../test/support/pairs.native.c', import.meta.url));
const bytes = await fixture(new URL('../probes/http-red/http-red.c', import.meta.url));
using cgroup = testCgroup();

/** Processor time of a load, microseconds a request. */
function load(): number {
  const script = `${cgroup.enter}; ${pairs} ${PAIRS} ${REQUESTS} tcp >/dev/null; times`;
  const text = execFileSync('sh', ['-c', script], { encoding: 'utf8' });
  const children = text.trim().split('\n').at(-1)!;
  const seconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(([, m, s]) => Number(m) * 60 + Number(s));
  return (seconds.reduce((a, b) => a + b) * 1e6) / (PAIRS * REQUESTS);
}

function programs(): { runs: number; ns: number } {
  const all = JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'show'], { encoding: 'utf8' })) as {
    run_cnt?: number;
    run_time_ns?: number;
  }[];
  const sum = (of: (p: (typeof all)[number]) => number | undefined) =>
    all.reduce((n, p) => n + (of(p) ?? 0), 0);
  return { runs: sum((p) => p.run_cnt), ns: sum((p) => p.run_time_ns) };
}

const many = (): number[] => Array.from({ length: LOADS }, load);
const text = (values: number[]) => values.map((v) => v.toFixed(0)).join(' ');
load();
for (let round = 1; round <= rounds; round++)
  for (const rung of rungs) {
    const without = many();
    const run = await startRun({
      name: 'http-red',
      objects: [{ name: 'http-red.o', bytes }],
      params: { target_cgroup: cgroup.path },
      hooks: { traffic: rung },
      sinks: [],
      programStats: false,
      intervalMs: 3_600_000,
    });
    const with_ = many();
    writeFileSync('/proc/sys/kernel/bpf_stats_enabled', '1');
    const before = programs();
    load();
    const { runs, ns } = programs();
    writeFileSync('/proc/sys/kernel/bpf_stats_enabled', '0');
    const requests = PAIRS * REQUESTS;
    const { missed } = run.stats();
    await run.stop();
    console.log(
      `${rung}: us a request without ${text(without)}, with ${text(with_)}; its programs ${((ns - before.ns) / requests).toFixed(0)} ns in ${((runs - before.runs) / requests).toFixed(1)} runs a request; missed ${missed.reduce((n, m) => n + m.count, 0)}`,
    );
  }
