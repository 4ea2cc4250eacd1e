import type { Command } from 'commander';
import { report } from '../errors.ts';
import { examples } from '../examples.ts';
import { findInstance } from '../instances/folder.ts';
import { stopInstance } from '../instances/stop.ts';
import { out } from '../output/out.ts';
import { settingsOf } from '../settings.ts';
import { parseCount } from '../values.ts';

/** `skep stop` */
export function define(command: Command): void {
  command
    .argument('<instance...>', 'names, or beginnings of ids')
    .option('-t, --time <seconds>', 'before it is killed', parseCount('--time', 0), 10)
    .action(stop);
  examples(
    command,
    'sudo skep stop kills',
    'sudo skep stop -t 30 $(sudo skep ps -q)',
    '',
    'Its probes are detached, what is still in the buffers is taken, then it ends and stays to be seen by skep ps -a.',
    'One that has ended already is no error.',
  );
}

/** One wrong name does not keep the others. */
async function stop(words: string[], { time }: { time: number }, command: Command): Promise<void> {
  for (const word of words) {
    try {
      await stopInstance(findInstance(word), time * 1000);
      await out(`${word}\n`);
    } catch (e) {
      process.exitCode = report(e, settingsOf(command).verbose);
    }
  }
}
