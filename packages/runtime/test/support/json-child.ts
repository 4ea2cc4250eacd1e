/**
 * Runs a probe with JSON lines on standard output until SIGTERM: `json-child.ts OBJECT PID [MAX_EVENTS [BUFFER [FINISH_MS]]]`. A test
 * that reads may be held up for long by other work: unless told otherwise it is waited for.
 */
import { readFileSync } from 'node:fs';
import { JsonSink, startRun } from '../../src/index.ts';

const [file = '', pid = '', maxEvents, buffer, finishMs = 30_000] = process.argv.slice(2);
const run = await startRun({
  name: 'child',
  objects: [{ name: 'child.o', bytes: readFileSync(file) }],
  params: { target_pid: pid },
  intervalMs: 100,
  maxEvents: maxEvents ? Number(maxEvents) : undefined,
  buffer: (buffer || undefined) as 'ring' | 'perf' | undefined,
  sinks: [new JsonSink({ finishMs: Number(finishMs) })],
});
process.once('SIGTERM', () => void run.stop('signal'));
process.stderr.write('ready\n');
const { reason, events, lost, missed, ownCpuUs } = await run.closed;
process.stderr.write(
  `${JSON.stringify({ reason, events, lost, missed, ownCpuUs, rss: process.memoryUsage.rss() })}\n`,
);
