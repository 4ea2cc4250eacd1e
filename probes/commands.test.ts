/** The commands in the READMEs, run as they stand, each for a moment, and none of them watching this machine. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PROBES, probeNames } from './support/catalogue.ts';
import { skip } from './support/skip.ts';

const root = join(PROBES, '..');
const dir = mkdtempSync(join(tmpdir(), 'skep-readme-'));
after(() => rmSync(dir, { recursive: true }));

/** Ends by itself, takes no port that somebody else may have, and watches only what is called skep-readme. */
const shim = `#!/bin/sh
if [ "$1" = run ]; then
  case "$*" in *--help*) ;; *target_*) set -- "$@" --timeout 300ms ;;
    *) set -- "$@" --set target_comm=skep-readme --timeout 300ms ;;
  esac
fi
exec "${root}/bin/skep" "$@"
`;
writeFileSync(join(dir, 'skep'), shim, { mode: 0o755 });
writeFileSync(join(dir, 'sudo'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });

function commands(file: string): string[] {
  const blocks = readFileSync(file, 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm);
  return [...blocks].flatMap(([, block]) => block!.trim().split('\n'));
}

function sh(command: string): Promise<{ code: number; stderr: string }> {
  const env = {
    ...process.env,
    PATH: `${dir}:${process.env.PATH}`,
    SKEP_STORAGE: join(dir, 'store'),
    NO_COLOR: '1',
  };
  return new Promise((resolve) => {
    execFile(
      'sh',
      ['-c', command.replace(':9100', ':0').replace('cpu.svg', `${dir}/cpu.svg`)],
      { cwd: root, env },
      (error, _, stderr) => resolve({ code: Number(error?.code ?? 0), stderr }),
    );
  });
}

for (const name of ['.', ...probeNames()]) {
  test(`the commands of probes/${name}/README.md work`, { skip }, async () => {
    const lines = commands(join(PROBES, name, 'README.md'));
    ok(lines.length > 1);
    if (name !== '.')
      deepStrictEqual(
        lines.filter((l) => !l.includes(`/${name}.c`)),
        [],
      );
    for (const line of lines) {
      const { code, stderr } = await sh(line);
      strictEqual(code, 0, `${line}\n${stderr}`);
    }
  });
}
