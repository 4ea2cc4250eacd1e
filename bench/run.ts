// bench/run.ts [CASE…]: measures, see README.md. SKEP_BENCH_ROUNDS says how often (3).
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { check } from './cases/check.ts';
import { cost } from './cases/cost.ts';
import { cpuCounted, cpuJson, cpuSlow } from './cases/cpu.ts';
import { filter } from './cases/filter.ts';
import { largeList } from './cases/list.ts';
import { flat, memory } from './cases/memory.ts';
import { poll } from './cases/poll.ts';
import { rate } from './cases/rate.ts';
import { registry1, registry50, registry500, registryLarge } from './cases/registry.ts';
import { firstEvent, smallCommands } from './cases/start.ts';
import { largeTransfer, smallTransfer } from './cases/transfer.ts';
import { twinsCpu, twinsGuest, twinsRun } from './cases/twins.ts';
import { burst, stream } from './cases/view.ts';
import type { Case } from './lib/case.ts';
import { conditions, record, results, table, write } from './lib/report.ts';
import { openWorkplace } from './lib/workplace.ts';

const cases: readonly Case[] = [
  ...[rate, cpuCounted, cpuJson, cpuSlow, cost, filter, firstEvent, smallCommands, largeList, check],
  ...[twinsRun, twinsCpu, twinsGuest],
  ...[burst, stream, memory, flat, poll, smallTransfer, largeTransfer],
  ...[registry1, registry50, registry500, registryLarge],
];

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !cases.some((c) => c.name === name));
if (unknown.length > 0) {
  console.error(`no case "${unknown[0]}"; there are ${cases.map((c) => c.name).join(', ')}`);
  process.exit(2);
}
const rounds = Number(process.env.SKEP_BENCH_ROUNDS ?? 3);
for (const peer of ['SKEP_BENCH_BEE', 'SKEP_BENCH_IG']) {
  if (!process.env[peer]) console.log(`${peer} is not set: that peer is absent`);
}
if (!existsSync('/usr/sbin/execsnoop')) console.log('libbpf-tools are not installed: that peer is absent');
if (!existsSync('/usr/bin/bpftrace')) console.log('bpftrace is not installed: that peer is absent');

// Interrupted, it ends what it has started: see `withUs` and the workplace.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
using place = openWorkplace();
let failed = 0;
for (const c of cases.filter(({ name }) => asked.length === 0 || asked.includes(name))) {
  const at = conditions();
  const values: Record<string, number>[] = [];
  try {
    for (let round = 0; round < rounds * (c.times ?? 1); round++) values.push(await c.round(place, round));
    console.log(record(c, values, at));
  } catch (error) {
    failed++;
    console.error(`${c.name}: ${error instanceof Error ? error.message : error}\n`);
  }
}
const measured = cases.map((c) => c.name).filter((name) => existsSync(join(results, `${name}.json`)));
write('table.md', `${table(measured)}\n`);
process.exitCode = failed ? 1 : 0;
