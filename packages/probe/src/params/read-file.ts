import { readFile, stat } from 'node:fs/promises';
import { ProbeError } from '../errors.ts';
import type { ParamsFile } from './parse-file.ts';

const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Reads a YAML file of parameters, `name: value` each; a list's values may be a YAML list. Values are texts as they are
 * written there, so that 1.10 stays 1.10. The YAML parser is loaded only now.
 *
 * ```ts
 * const { settings } = await readParamsFile('params.yaml'); // { ports: { value: ['80', '443'], from: 'params.yaml:1', … } }
 * ```
 *
 * @throws {ProbeError} `SKEP_PARAM_FILE`, with the line
 */
export async function readParamsFile(path: string): Promise<ParamsFile> {
  let text: string;
  try {
    if ((await stat(path)).size > MAX_BYTES) throw unreadable(path, 'has more than 16 MiB');
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof ProbeError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    throw unreadable(path, `cannot be read: ${code ?? message}`, cause);
  }
  const { parseParamsFile } = await import('./parse-file.ts');
  return parseParamsFile(text, path);
}

function unreadable(path: string, why: string, cause?: unknown): ProbeError {
  return new ProbeError('SKEP_PARAM_FILE', `${path} ${why}.`, {
    hint: 'A file of parameters is YAML, like "min_latency: 5ms".',
    cause,
  });
}
