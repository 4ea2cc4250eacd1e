/**
 * node test/compat/bee.ts FOLDER [KERNEL]: do bee's own examples run here unchanged?
 *
 * FOLDER is `examples` of a checkout of github.com/solo-io/bumblebee, which is not part of this repository. Each is
 * built as it stands with `skep build`, then run in a guest with kprobes (6.1 unless said), where its event is
 * provoked and looked for. Exit status 0 only when data came out of all nine.
 */
import { execFile } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runInGuest } from '../kernels/vm.ts';
import { examples } from './bee-examples.ts';
import type { Outcome } from './bee-guest.ts';

const run = promisify(execFile);
const skep = join(import.meta.dirname, '../../bin/skep');
const [folder, kernel = '6.1'] = process.argv.slice(2);
if (!folder || !existsSync(folder)) {
  console.error("usage: node test/compat/bee.ts FOLDER [KERNEL]; FOLDER has bee's examples, a folder each");
  process.exit(2);
}

const names = examples('').map(({ name }) => name);
const objects = mkdtempSync(join(tmpdir(), 'skep-bee-'));
try {
  const complaints = new Map<string, string>();
  for (const name of names) {
    const error = await build(name);
    if (error) complaints.set(name, error);
  }
  const outcomes = new Map<string, Outcome>();
  const guest = await runInGuest({
    kernel,
    command: 'node test/compat/bee-guest.ts /compat',
    files: { '/compat': objects },
    onLine: (line) => {
      const json = /^@@bee (.*)/.exec(line)?.[1];
      if (!json) return console.error(line);
      const outcome = JSON.parse(json) as Outcome;
      outcomes.set(outcome.name, outcome);
    },
  });
  report(guest.release, outcomes, complaints);
} finally {
  rmSync(objects, { recursive: true, force: true });
}

/** Its object in the folder that the guest gets; what skep said when there is none. */
async function build(name: string): Promise<string | undefined> {
  const sources = globSync(`${folder}/${name}/*.c`);
  try {
    await run(skep, ['build', '--binary-only', '-o', join(objects, `${name}.o`), ...sources]);
    return undefined;
  } catch (error) {
    return (error as { stderr?: string }).stderr ?? (error as Error).message;
  }
}

function report(release: string, outcomes: Map<string, Outcome>, complaints: Map<string, string>): void {
  console.log(`\nbee's examples, unchanged, on Linux ${release}\n`);
  console.log(
    '| example | built | loaded | attached | event | data seen | its metric | under --bee-metric-names |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
  let good = 0;
  for (const name of names) {
    const { loaded = false, attached = false, event = '', seen, error } = outcomes.get(name) ?? {};
    const cells = [!complaints.has(name), loaded, attached].map((yes) => (yes ? 'yes' : '**no**'));
    const data = seen?.json ? `\`${seen.json}\`` : '**no**';
    const metrics = [seen?.skep, seen?.bee].map((line) => (line ? `\`${line}\`` : 'rows only'));
    console.log(`| ${[name, ...cells, event, data, ...metrics].join(' | ')} |`);
    const wrong = complaints.get(name) ?? error;
    if (wrong) console.error(`${name}: ${wrong}`);
    if (seen?.json && !wrong) good++;
  }
  console.log(`\n${good} of ${names.length}`);
  process.exitCode = good === names.length ? 0 : 1;
}
