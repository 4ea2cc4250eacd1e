import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { fixture } from '../../../test/support/fixtures.ts';
import { runningKernel } from '../src/index.ts';
import { capabilityNames } from '../src/kernel/capabilities.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const child = join(import.meta.dirname, 'support/confine-child.ts');

test('who has given up its privileges cannot take them back, in no thread, nor what it starts', {
  skip,
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-confine-'));
  try {
    const object = join(dir, 'events.o');
    writeFileSync(object, await fixture(new URL('../../runtime/test/exact.bpf.c', import.meta.url)));
    // Before 5.19 reading a map needs a right, too.
    const [major, minor] = runningKernel().version;
    const keep = ['CAP_SYSLOG', ...(major === 5 && minor < 19 ? ['CAP_BPF'] : [])];
    const { stdout } = await promisify(execFile)(process.execPath, [child, object, ...keep]);
    const { before, after, inWorkers, caps, threads, child: started, read } = JSON.parse(stdout);
    assert.deepEqual(before, { load: 'done', perf: 'done', stats: 'done' });
    const refused = { load: 1, perf: 1, stats: 1 };
    assert.deepEqual([after, ...inWorkers], [refused, refused, refused]);
    assert.ok(threads > 8, 'of V8, of the pool, of workers');
    const [only] = caps;
    assert.equal(caps.length, 1, `every thread has the same: ${caps.join(', ')}`);
    for (const mask of only.split(' ')) assert.deepEqual([...capabilityNames(mask)], keep);
    assert.deepEqual([...capabilityNames(/CapEff:\s*(\w+)/.exec(started)![1]!)], keep);
    assert.match(started, /NoNewPrivs:\s*1\nSeccomp:\s*2/);
    assert.equal(read, null, 'what is open is read: no such entry');
  } finally {
    rmSync(dir, { recursive: true });
  }
});
