/** Runs a probe with JSON lines on standard output until SIGTERM: `json-child.ts OBJECT PID [maxEvents]`. */
import { readFileSync } from 'node:fs';
import { JsonSink, startRun } from '../../src/index.ts';

const [file = '', pid = '', maxEvents, buffer] = process.argv.slice(2);
const run = await startRun({
  name: 'child',
  objects: [{ name: 'child.o', bytes: readFileSync(file) }],
  params: { target_pid: pid },
  intervalMs: 100,
  maxEvents: maxEvents ? Number(maxEvents) : undefined,
  buffer: buffer as 'ring' | 'perf' | undefined,
  sinks: [new JsonSink({ finishMs: 300 })],
});
process.once('SIGTERM', () => void run.stop('signal'));
process.stderr.write('ready\n');
const { reason, events, lost, missed, ownCpuUs } = await run.closed;
process.stderr.write(
  `${JSON.stringify({ reason, events, lost, missed, ownCpuUs, rss: process.memoryUsage.rss() })}\n`,
);
