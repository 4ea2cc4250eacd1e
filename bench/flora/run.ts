// bench/flora/run.ts [--quick] [PART…]: measures, and writes results/report.md. bench/flora.sh starts it where only
// loopback is. SKEP_BENCH_ROUNDS says how often each thing is measured (3), SKEP_BENCH_SECONDS how long a variant
// of a comparison is under load (15).
import { conditions } from '../lib/report.ts';
import { prepareAgent } from './lib/agent.ts';
import { parts } from './lib/parts.ts';
import { openPlace } from './lib/place.ts';
import { keep, writeReport } from './lib/report.ts';

const asked = process.argv.slice(2).filter((arg) => arg !== '--quick');
const quick = process.argv.includes('--quick');
const unknown = asked.find((name) => !parts.some((part) => part.name === name));
if (unknown !== undefined) {
  console.error(`no part "${unknown}"; there are ${parts.map((part) => part.name).join(', ')}`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
using place = openPlace(quick);
prepareAgent();
let failed = 0;
for (const part of parts.filter((p) => (asked.length === 0 ? !p.onlyByName : asked.includes(p.name)))) {
  console.log(`${part.title} (${part.name})`);
  const at = conditions();
  try {
    const { text } = keep(part, await part.measure(place), at, quick);
    console.log(`\n${text}\n`);
  } catch (error) {
    failed++;
    console.error(`${part.name}: ${error instanceof Error ? error.message : error}\n`);
  }
}
writeReport();
process.exitCode = failed ? 1 : 0;
