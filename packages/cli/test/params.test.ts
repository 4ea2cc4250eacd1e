import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Sandbox } from './harness.ts';

const box = new Sandbox();
const needsRoot = { skip: process.getuid?.() === 0 ? false : 'loading BPF needs root' };

const source = `#include "skep.h"
#include "skep_filter.h"
SKEP_PARAM_RANGE(duration_ns, min_latency, 0, 0, 1h, "only what took at least this long");
SKEP_PARAM(bool, failed_only, false, "only what failed");
SKEP_PARAM(__u32, timeout, 0, "has the name of a flag");
SKEP_PARAM_PORTS(ports, 8, "only these ports");
const volatile struct { int low, high; } span;
SKEP_HASH(counter_execs, __u32, __u64, 8) SKEP_HELP("Programs that were started.");
SEC("tracepoint/sched/sched_process_exec") int exec(void *ctx)
{
	__u32 key = min_latency + failed_only + timeout + span.low;
	if (skep_watched() && skep_in(ports, key))
		skep_add(&counter_execs, &key, 1);
	return 0;
}
char LICENSE[] SEC("license") = "Dual BSD/GPL";
`;
const plain = `#include "skep.h"
SEC("tracepoint/sched/sched_process_exec") int exec(void *ctx) { return 0; }
char LICENSE[] SEC("license") = "Dual BSD/GPL";
`;

before(async () => {
  mkdirSync(box.path('probe'));
  writeFileSync(box.path('probe', 'execs.c'), source);
  writeFileSync(
    box.path('probe', 'skep.yaml'),
    'name: execs\nversion: "1"\nsources: [execs.c]\nparams: [min_latency=5ms]\n',
  );
  writeFileSync(box.path('plain.c'), plain);
  const { code, stderr } = await box.skep(['build', 'probe']);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /the parameter timeout has no flag of its own/);
  await box.ok(['build', 'plain.c']);
});
after(() => box[Symbol.dispose]());

/** Watches nobody. */
const nobody = ['--comm', 'skep-nobody', '--timeout', '50ms', '--no-prom'];
const run = (...args: string[]) => ['run', 'execs:1', ...args, ...nobody];

test('run IMAGE --help shows parameters as flags, with examples', async () => {
  const help = await box.ok(['run', 'execs:1', '--help']);
  assert.match(help, /--min-latency <duration> +5ms +only what took at least this long \(0\.\.1h\)/);
  assert.match(help, /--failed-only +false +only what failed/);
  assert.match(help, /--set timeout=<number> +0 +has the name of a flag/);
  assert.match(help, /--ports <number,…> +only these ports/);
  assert.match(help, /^ +span +\(no text can set it\)$/m, 'no flag is shown that none can use');
  assert.match(help, /--cgroup +target_cgroup +only these cgroups/);
  assert.match(help, /sudo skep run execs:1 --min-latency 5ms\n/);
  assert.match(help, /sudo skep run execs:1 .*--pid 1234/);
});

test(
  'a flag goes before the environment, that before the file, that before the image',
  needsRoot,
  async () => {
    writeFileSync(box.path('p.yaml'), '# all\nmin_latency: 3h\n');
    const env = { SKEP_SET_MIN_LATENCY: '4h', SKEP_SET_NOSUCH: '1' };
    const file = ['--params', 'p.yaml'];
    const { stderr } = await box.fails(
      2,
      /--min-latency: "5h" is no value/,
      run('--min-latency', '5h', ...file),
      { env },
    );
    assert.match(stderr, /SKEP_SET_NOSUCH sets nothing/);
    assert.match(stderr, /a duration from 0ns to 1h/);
    await box.fails(2, /SKEP_SET_MIN_LATENCY: "4h"/, run(...file), { env });
    await box.fails(2, /p\.yaml:2: "3h"/, run(...file));
    const good = await box.skep(
      run('--set', 'min_latency=1ms', ...file, '--failed-only', '--ports', '80', '--ports=443,1-9'),
    );
    assert.equal(good.code, 0, good.stderr);
  },
);

test('what sets nothing, or twice, is refused', needsRoot, async () => {
  await box.fails(
    2,
    /unknown option '--min-latncy'\n {2}Did you mean --min-latency\?/,
    run('--min-latncy', '1s'),
  );
  await box.fails(2, /--min-latency needs a value/, ['run', 'execs:1', ...nobody, '--min-latency']);
  await box.fails(
    2,
    /"min_latency" is set by --set and by --min-latency/,
    run('--min-latency', '1s', '--set', 'min_latency=2s'),
  );
  await box.fails(2, /"extra" is one word too many/, run('--min-latency', '1s', 'extra'));
  await box.fails(2, /--explain takes no value/, run('--explain=yes'));
  await box.fails(2, /unknown option '--bogus'/, ['run', '--bogus', 'execs:1']);
  await box.fails(2, /"0" is no value for the parameter "target_pid"/, run('--pid', '0'));
  writeFileSync(box.path('wrong.yaml'), 'failed_only: true\nports:\n  - 80\n  - http\n');
  await box.fails(2, /wrong\.yaml:4: "http" is no value/, run('--params', 'wrong.yaml'));
  writeFileSync(box.path('unknown.yaml'), 'failed_only: true\nport: 80\n');
  await box.fails(2, /unknown\.yaml:2: There is no parameter "port"/, run('--params', 'unknown.yaml'));
  await box.fails(2, /nosuch\.yaml cannot be read: ENOENT/, run('--params', 'nosuch.yaml'));
});

test('a probe without owners refuses to be narrowed to one', needsRoot, async () => {
  const { stderr } = await box.fails(2, /This probe cannot be narrowed by --pid/, [
    'run',
    'plain.o',
    '--pid',
    '1',
  ]);
  assert.match(stderr, /it has no parameters/);
});

test('an image whose skep.yaml sets what its parameters do not take is not built', async () => {
  writeFileSync(
    box.path('probe', 'skep.yaml'),
    'name: execs\nversion: "2"\nsources: [execs.c]\nparams: [min_latency=2h]\n',
  );
  await box.fails(2, /params of skep\.yaml: "2h" is no value/, ['build', 'probe']);
});
