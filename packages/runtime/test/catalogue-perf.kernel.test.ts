import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { fixture } from '../../../test/support/fixtures.ts';
import { startRun } from '../src/index.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const root = join(import.meta.dirname, '../../..');
/** Hooks that some kernels lack, and a probe that has no stream of events: refused for that, not for its buffers. */
const OTHER = new Set(['SKEP_NO_RUNG', 'SKEP_NO_BUFFER_CHOICE', 'SKEP_NOTHING_TO_RUN']);

for (const source of globSync('probes/*/*.c', { cwd: root }).filter((f) => !f.endsWith('.bpf.c')))
  test(`${basename(source)} loads with perf buffers as well`, { skip }, async () => {
    const objects = [{ name: `${basename(source, '.c')}.o`, bytes: await fixture(join(root, source)) }];
    // Its own first process does nothing that a probe shows.
    const params = { target_pid: '1' };
    try {
      const run = await startRun({ name: source, objects, params, buffer: 'perf', sinks: [] });
      const { streams } = run;
      await run.stop();
      assert.ok(streams.some((s) => s.source === 'perf'));
    } catch (error) {
      assert.ok(OTHER.has(String((error as { code?: string }).code)), String(error));
    }
  });
