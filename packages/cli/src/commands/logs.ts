import type { Command } from 'commander';
import { usageError } from '../errors.ts';
import { examples } from '../examples.ts';
import { findInstance, readInstance } from '../instances/folder.ts';
import { followLog, type LogReader, readLog } from '../instances/read-log.ts';
import { note, out } from '../output/out.ts';
import { parseCount, parseDuration } from '../values.ts';

interface Flags {
  follow?: boolean;
  tail?: number;
  since?: number;
}

/** `skep logs` */
export function define(command: Command): void {
  command
    .argument('<instance>', 'a name, or the beginning of an id')
    .option('-f, --follow', 'go on until it ends')
    .option('-n, --tail <n>', 'only the last lines', parseTail)
    .option(
      '--since <time>',
      'only from then on: 10m, 2026-01-02T03:04:05Z, or seconds since 1970',
      parseSince,
    )
    .action(logs);
  examples(
    command,
    'sudo skep logs kills',
    'sudo skep logs -f --tail 10 kills | jq .data',
    'sudo skep logs --since 15m kills',
    '',
    'Events and series come as JSON lines, as skep run -o json writes them; what skep itself said goes to standard error.',
    'A log has at most 30 MB, of which the oldest third makes room; how many lines that were is said.',
  );
}

async function logs(word: string, flags: Flags): Promise<void> {
  const instance = findInstance(word);
  const reader: LogReader = {
    line: (text) => {
      if (!text.startsWith('{"time":') || !text.includes('"note":')) return out(`${text}\n`);
      const { note: said } = JSON.parse(text) as { note?: string };
      return said === undefined ? out(`${text}\n`) : note(said);
    },
    dropped: (lines) => note(`${lines} older lines are gone: they made room for newer ones`),
  };
  using position = await readLog(instance.folder, reader, flags);
  if (flags.follow) {
    const stop = new AbortController();
    const end = (): void => stop.abort();
    process.once('SIGINT', end).once('SIGTERM', end);
    const ended = () => {
      const now = readInstance(instance.folder);
      // Another one may have its name by now.
      return now?.id !== instance.id || !['running', 'created'].includes(now.state);
    };
    await followLog(instance.folder, position, reader, ended, stop.signal);
    process.off('SIGINT', end).off('SIGTERM', end);
  }
  const { id, ended: end } = readInstance(instance.folder) ?? {};
  const error = id === instance.id ? end?.error : undefined;
  if (error !== undefined) note(`ended by an error: ${error}`);
}

function parseTail(text: string): number | undefined {
  return text === 'all' ? undefined : parseCount('--tail', 0)(text);
}

function parseSince(text: string): number {
  if (/^\d{4}-\d\d-\d\d/.test(text)) {
    const time = Date.parse(text);
    if (Number.isFinite(time)) return time;
    throw usageError(`--since: "${text}" is no time`, 'Write 2026-01-02T03:04:05Z, or 10m.');
  }
  // A duration of as many seconds would be thirty years.
  if (/^\d{10}(\.\d+)?$/.test(text)) return Number(text) * 1000;
  return Date.now() - parseDuration('--since')(text);
}
