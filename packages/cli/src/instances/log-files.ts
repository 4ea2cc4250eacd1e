import { readdirSync } from 'node:fs';

/** Names of an instance's log files in their order: `log.00000001.jsonl`, … None when its folder is gone. */
export function logFiles(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names.filter((name) => /^log\.\d{8}\.jsonl$/.test(name)).sort();
}

/** The number in a log file's name. */
export function generationOf(file: string): number {
  return Number(file.slice('log.'.length, 'log.00000000'.length));
}
