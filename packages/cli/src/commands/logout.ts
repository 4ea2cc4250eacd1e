import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { out } from '../output/out.ts';
import { settingsOf } from '../settings.ts';
import { registryOptions } from '../transfer.ts';

/** `skep logout` */
export function define(command: Command): void {
  command.argument('<server>', 'the registry, host or host:port').action(logout);
  examples(command, 'skep logout ghcr.io');
}

async function logout(server: string, _flags: unknown, command: Command): Promise<void> {
  const { logout } = await import('@skep/oci');
  const wasKnown = await logout(server, registryOptions(settingsOf(command)));
  await out(wasKnown ? `Removed login credentials for ${server}\n` : `Not logged in to ${server}\n`);
}
