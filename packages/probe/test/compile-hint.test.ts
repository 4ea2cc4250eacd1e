import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, type ProbeError } from '../src/index.ts';
import { Folder } from './support.ts';

const HOOK = 'SEC("tracepoint/sched/sched_switch") int f(void *ctx)';

/** A mistake that authors make, and what the error's second line then says. */
const MISTAKES: readonly [source: string, hint: RegExp][] = [
  [`#include <stdio.h>\n${HOOK} { return 0; }`, /has no C library/],
  [`${HOOK} { printf("x"); return 0; }`, /has no C library/],
  [`#include <linux/sched.h>\n${HOOK} { return 0; }`, /leave those headers out/],
  ['struct task_struct { int mine; };', /\(vmlinux\.h\) have a "task_struct" already/],
  ['enum mine { TASK_COMM_LEN, BPF_MAP_TYPE_HASH };', /have a "\w+" already/],
  [`${HOOK} { return ETH_P_IP; }`, /If ETH_P_IP is a macro of the kernel's, #define it/],
  [`${HOOK} { struct trace_event_raw_nope *c = ctx; return c->x; }`, /struct trace_event_raw_nope is/],
  [`${HOOK} { return skep_watched(); }`, /skep_filter\.h.* has skep_watched\(\)/],
  [`${HOOK} { return bpf_no_such_helper(); }`, /No header has bpf_no_such_helper\(\)/],
  [`${HOOK} { return !!bpf_task_from_nowhere; }`, /bpf_task_from_nowhere\(…\) __ksym/],
  [
    `struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, int); __type(value, __u64); } counts SEC(".maps");
     ${HOOK} { int key = 0; skep_add(&counts, &key, 1); return 0; }`,
    /SKEP_HASH\(counts, …\)/,
  ],
  [
    `struct event { int a; }; SKEP_RINGBUF(print_x, struct event, 4096);
     ${HOOK} { struct event *e = skep_begin(print_x); return !e; }`,
    /skep_reserve\(print_x, struct …\)/,
  ],
  [
    `struct event { char a[600]; }; SKEP_PERF(print_x, struct event);
     ${HOOK} { struct event e = {}; bpf_perf_event_output(ctx, &print_x, 0, &e, sizeof(e)); return 0; }`,
    /SKEP_PERCPU_ARRAY of one entry/,
  ],
  ['#include "no-such.h"', /--cflags -IFOLDER/],
  [`${HOOK} { return nope; }`, /^The first error is the one to mend/],
];

for (const [text, expected] of MISTAKES) {
  test(`of what does not compile is said what to do: ${expected.source}`, async () => {
    using folder = new Folder();
    const source = folder.write('probe.c', `#include "skep.h"\n${text}\n`);
    await assert.rejects(compile({ source, color: true }), (error: ProbeError) => {
      assert.equal(error.code, 'SKEP_COMPILE');
      assert.match(error.hint, expected);
      return true;
    });
  });
}

test("libbpf's headers without the types that they need name what to include first", async () => {
  using folder = new Folder();
  const source = folder.write('probe.c', '#include <bpf/bpf_helpers.h>\n');
  await assert.rejects(compile({ source }), (error: ProbeError) => /"skep\.h" alone/.test(error.hint));
});
