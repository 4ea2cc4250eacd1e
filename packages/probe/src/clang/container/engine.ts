import { ProbeError } from '../../errors.ts';
import { type RunResult, run } from '../run.ts';
import type { Builder } from './types.ts';

/**
 * Runs the container engine.
 *
 * @throws {ProbeError} `SKEP_BUILDER` when it is not there
 */
export async function runEngine(
  { program }: Builder,
  args: readonly string[],
  progress?: (text: string) => void,
): Promise<RunResult> {
  try {
    return await run(program, args, undefined, progress);
  } catch (cause) {
    throw new ProbeError('SKEP_BUILDER', `The container engine ${program} cannot be run.`, {
      hint: "Install podman or docker, or leave --builder out to compile with this machine's clang.",
      cause,
    });
  }
}

/** @param log what the engine wrote; nobody reads more than the end of it */
export function engineError(message: string, hint: string, log: string): ProbeError {
  const end = log.trim().split('\n').slice(-20).join('\n');
  return new ProbeError('SKEP_BUILDER', message, { hint, ...(end && { log: end }) });
}
