import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Sink, startRun } from '../src/index.ts';
import { build } from './support/probe.ts';
import { Producer, WATCH } from './support/producer.ts';
import { Collect } from './support/sinks.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';

test('events whose program asks for no wake-up are shown while it runs', { skip }, async () => {
  using producer = new Producer();
  const bytes = await build(`${WATCH}
struct call { __u32 arg; };
SKEP_RINGBUF(print_calls, struct call, 4096);
SEC("tp/syscalls/sys_enter_getpgid") int calls(struct trace_event_raw_sys_enter *ctx)
{
	struct call call = { .arg = argument(ctx) };
	if ((int)call.arg >= 0)
		bpf_ringbuf_output(&print_calls, &call, sizeof(call), BPF_RB_NO_WAKEUP);
	return 0;
}`);
  const sink = new Collect();
  let ticked: (() => void) | undefined;
  const ticks: Sink = { name: 'ticks', tick: () => ticked?.() };
  const run = await startRun({
    name: 'quiet',
    objects: [{ name: 'quiet.o', bytes }],
    params: { target_pid: String(producer.pid) },
    intervalMs: 50,
    sinks: [sink, ticks],
  });
  for (const n of [1, 2, 3]) {
    // So small a ring is asleep after four milliseconds without an event.
    await new Promise<void>((resolve) => {
      ticked = resolve;
    });
    await producer.produce(1);
    await sink.until(n);
  }
  const { events } = await run.stop();
  assert.deepEqual(events, { print_calls: 3 });
});
