import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelTests } from './guest-tests.ts';
import { GuestResults } from './results.ts';
import { runInGuest } from './vm.ts';

/** The kernels to run on; `make test` takes one with kprobes and trampolines, which our own kernel lacks. */
const wanted = (process.env.SKEP_KERNELS ?? '6.1').split(/[ ,]+/).filter((k) => k !== '');
const files = kernelTests();

for (const kernel of wanted) {
  test(`kernel ${kernel}`, { timeout: 900_000 }, async (t) => {
    const results = new GuestResults();
    const rest: string[] = [];
    const reporter = '--test-reporter=./test/kernels/guest/reporter.ts --test-reporter-destination=stdout';
    const {
      code,
      release,
      console: log,
    } = await runInGuest({
      kernel,
      clang: true,
      command: `node --test ${reporter} ${files.join(' ')}`,
      timeoutMs: 840_000,
      onLine: (line) => {
        if (!results.take(line)) rest.push(line);
      },
    });
    for (const { name, failure, skip } of results.tests) {
      await t.test(`${kernel}: ${name}`, (s) => {
        if (skip !== undefined) s.skip(skip);
        // The guest's own stack says where; ours would only name this file.
        if (failure !== undefined) throw new Error(`on kernel ${release}: ${failure}`);
      });
    }
    const tail = `${rest.slice(-30).join('\n')}\n${log.split('\n').slice(-25).join('\n')}`;
    assert.ok(results.tests.length > 0, `kernel ${release} ran no test:\n${tail}`);
    const failed = results.tests.some((r) => r.failure !== undefined);
    assert.ok(code === 0 || failed, `kernel ${release}: the tests ended with ${code}:\n${tail}`);
    if (failed) t.diagnostic(`kernel ${release}, end of its log:\n${tail}`);
  });
}
