import { readdirSync } from 'node:fs';
import { IdentityError } from '../errors.ts';
import type { Host } from './host.ts';

/** The pids of a machine. @throws IdentityError SKEP_PROC_UNAVAILABLE */
export function listPids(host: Host): number[] {
  let names: string[];
  try {
    names = readdirSync(host.proc);
  } catch (e) {
    throw new IdentityError(
      'SKEP_PROC_UNAVAILABLE',
      `${host.proc} cannot be read: ${e instanceof Error ? e.message : e}.`,
      'Mount procfs there, or name the folder where the host has it mounted.',
    );
  }
  return names.filter((n) => /^[1-9]\d*$/.test(n)).map(Number);
}
