import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A folder of its own for a test (or a whole file, with `after`), gone afterwards. */
export function tempDir(t: Pick<TestContext, 'after'>): string {
  const dir = mkdtempSync(join(tmpdir(), 'skep-oci-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
