import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of its own for a test (or a whole file, with `after`), gone afterwards. */
export function tempDir(t: { after(fn: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'skep-oci-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
