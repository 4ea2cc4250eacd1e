import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runningKernel } from '@skep/bpf';
import { fixture } from '../../../test/support/fixtures.ts';

const isRoot = process.getuid?.() === 0;
const skip = isRoot ? false : 'needs root';
const child = join(import.meta.dirname, 'support/confined-child.ts');
const dir = mkdtempSync(join(tmpdir(), 'skep-confined-'));
const objects = [join(dir, 'events.o'), join(dir, 'iter.o')] as const;
before(async () => {
  if (!isRoot) return;
  chmodSync(dir, 0o755);
  writeFileSync(objects[0], await fixture(new URL('./events.bpf.c', import.meta.url)));
  writeFileSync(objects[1], await fixture(new URL('./targets/iter.bpf.c', import.meta.url)));
});
after(() => rmSync(dir, { recursive: true }));

/** CAP_BPF stays where reading needs it. */
function left(): string {
  const [major, minor] = runningKernel().version;
  return major > 5 || (major === 5 && minor >= 19) ? '0000000000000000' : '0000008000000000';
}

async function confined(buffer: string, as: readonly string[] = []) {
  const [command = '', ...args] = [...as, process.execPath, child, ...objects, buffer];
  const { stdout } = await promisify(execFile)(command, args);
  const { threads, rows, notes, ...seen } = JSON.parse(stdout);
  assert.ok(threads > 1, 'an iterator fills its map when somebody asks');
  assert.ok(rows > 1, 'one that shows rows was read');
  return { seen, notes };
}

const expected = {
  ...{ refused: 1, calls: 80, reason: 'stopped', error: null, lost: [] },
  kinds: ['skep_kinds_total{probe="events",odd="0"} 50', 'skep_kinds_total{probe="events",odd="1"} 50'],
};

test('a run without rights reads rings, maps and iterators, detaches, and loads nothing more', {
  skip,
}, async () => {
  const { seen } = await confined('ring');
  assert.deepEqual(seen, { ...expected, uid: 0, caps: left() });
});

test('and perf buffers', { skip }, async () => {
  const { seen } = await confined('perf');
  assert.deepEqual(seen, { ...expected, uid: 0, caps: left() });
});

const asUser = fileURLToPath(new URL('../../../test/support/as-user.pl', import.meta.url));

/**
 * Debian's kernels give perf events, by which tracepoints and kprobes are attached, to CAP_SYS_ADMIN alone at 3, which is what they
 * begin with: a patch of theirs. What is lowered here is a guest's.
 */
const PARANOID = '/proc/sys/kernel/perf_event_paranoid';

test('another user than root runs it with four capabilities, and gives up these too', { skip }, async (t) => {
  if (process.env.SKEP_GUEST) writeFileSync(PARANOID, '2');
  if (Number(readFileSync(PARANOID, 'utf8')) > 2) return t.skip(`${PARANOID} is above 2`);
  const as = ['perl', asUser, '65534', 'bpf,perfmon,net_admin,dac_read_search'];
  const status = execFileSync(as[0]!, [...as.slice(1), 'cat', '/proc/self/status'], { encoding: 'utf8' });
  assert.match(status, /^Uid:(\t65534){4}$/m);
  // Numbers 2, 12, 38 and 39 of linux/capability.h.
  assert.match(status, /^CapPrm:\t000000c000001004\nCapEff:\t000000c000001004\n/m);
  const { seen, notes } = await confined('ring', as);
  assert.deepEqual(seen, { ...expected, uid: 65534, caps: left() });
  assert.match(notes.join('\n'), /not counted: that needs CAP_SYS_ADMIN/);
});
