// What a process may see goes by its capabilities, not by who started it.
import { strictEqual } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isThere } from '../src/kernel/there.ts';

test('a folder of another user is seen by who has the capability, as a service of systemd may', {
  skip: process.getuid?.() !== 0 && 'becoming somebody else needs root',
}, () => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-there-'));
  try {
    chmodSync(dir, 0o755);
    mkdirSync(join(dir, 'closed'), { mode: 0o700 });
    writeFileSync(join(dir, 'closed/file'), '');
    const look = `import { isThere } from ${JSON.stringify(join(import.meta.dirname, '../src/kernel/there.ts'))};
process.stdout.write(String(isThere(${JSON.stringify(join(dir, 'closed/file'))})));`;
    const ask = (...rights: string[]) => {
      const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups', ...rights];
      // Without what it inherits of us it may not even get to its own files.
      const { stdout, stderr } = spawnSync(
        'setpriv',
        [...nobody, process.execPath, '--input-type=module', '-e', look],
        { encoding: 'utf8' },
      );
      return stdout || stderr;
    };
    const search = ['--inh-caps', '+dac_read_search', '--ambient-caps', '+dac_read_search'];
    strictEqual(ask(...search), 'true');
    strictEqual(isThere(join(dir, 'closed/file')), true);
    strictEqual(isThere(join(dir, 'closed/other')), false);
    strictEqual(isThere(join(dir, 'closed/file/below')), false, 'a file is no folder');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
