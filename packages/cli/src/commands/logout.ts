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
  const { logout, parseRegistry } = await import('@skep/oci');
  const host = parseRegistry(server);
  const wasKnown = await logout(host, registryOptions(settingsOf(command)));
  await out(wasKnown ? `Removed login credentials for ${host}\n` : `Not logged in to ${host}\n`);
}
