import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { findImage, openStore } from '../images.ts';
import { settingsOf } from '../settings.ts';

/** `skep tag` */
export function define(command: Command): void {
  command
    .argument('<source>', 'name, name:tag, name@digest or the start of a digest, four digits at least')
    .argument('<target>', 'the other name')
    .action(tag);
  examples(command, 'skep tag oomkill:1 registry.example.com/me/oomkill:1');
}

async function tag(source: string, target: string, _flags: unknown, command: Command): Promise<void> {
  const store = await openStore(settingsOf(command));
  await findImage(store, source);
  await store.tag(source, target);
}
