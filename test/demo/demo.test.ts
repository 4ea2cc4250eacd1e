import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');
const skip = process.getuid?.() !== 0 && 'needs root';

// It takes some seconds where nothing else runs.
test('the demo ends by itself, as plain lines, and has proved it', {
  skip,
  timeout: 300_000,
}, async () => {
  // A status other than 0 rejects, with all that was shown.
  const { stdout } = await promisify(execFile)('sh', ['scripts/demo.sh'], { cwd: root });
  assert.match(stdout, /What this proved/);
  assert.equal(stdout.includes('\x1b'), false, 'escape sequences in a pipe');
});
