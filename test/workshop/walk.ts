/** A guide of ours, run in an empty home, and everything it started taken away again. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mismatch, Session, type Step, steps } from '../../scripts/lib/walkthrough.ts';

const root = join(import.meta.dirname, '../..');

/** The guides whose commands are run, by path in the checkout. */
export type Guide = 'docs/workshop/oomkill.md' | 'README.md';

export const textOf = (guide: Guide): string => readFileSync(join(root, guide), 'utf8');

/** What the workshop's last block does, as far as it is needed. A killed process leaves its cgroup a moment later. */
const undo = [
  'tmux -L workshop kill-server 2>/dev/null',
  '[ -f ~/oomkill/cage.sh ] && for i in $(seq 50); do sh ~/oomkill/cage.sh remove 2>/dev/null && break; sleep 0.1; done',
].join('; ');

/** The page that the text shows a picture of after this step. */
export function pageOf(step: Step): string | undefined {
  return step.after.includes('![') ? /<(http:[^>]+)>/.exec(step.after)?.[1] : undefined;
}

/** @param visit called after each step that was as the text says, while all it started is still running */
export async function walk(guide: Guide, visit: (step: Step) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'skep-workshop-'));
  const env = {
    HOME: home,
    TMUX_TMPDIR: home,
    TERM: 'xterm-256color',
    LANG: 'C.UTF-8',
    PATH: `${join(root, 'bin')}:${process.env.PATH}`,
  };
  try {
    await using session = new Session(home, env, undo);
    for (const step of steps(textOf(guide))) {
      const { status, printed } = await session.run(step.commands);
      const where = `${guide}:${step.line}`;
      if (step.expected === undefined && status !== 0)
        throw new Error(`${where}: status ${status}\n${printed}`);
      const wrong = step.expected && mismatch(step.expected, printed);
      if (wrong) throw new Error(`${where}: ${wrong}`);
      await visit(step);
    }
  } finally {
    // Killed with its session, the text did not reach its last block.
    spawnSync('sh', ['-c', undo], { env });
    rmSync(home, { recursive: true, force: true });
  }
}
