/** The probes of the catalogue, with what they say of themselves. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Metadata, readMetadata } from '@skep/probe';
import { type Reference, referenceOf, referenceText, table, withMade } from './reference.ts';

export const PROBES = join(import.meta.dirname, '..');

export interface Entry {
  name: string;
  about: Metadata | undefined;
  reference: Reference;
}

/** The folders of the catalogue: those with a C file of the same name. */
export function probeNames(): string[] {
  const sources = globSync('*/*.c', { cwd: PROBES });
  return [...new Set(sources.map((source) => dirname(source)))].sort();
}

export async function catalogue(): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const name of probeNames()) {
    entries.push({ name, about: await readMetadata(join(PROBES, name)), reference: await referenceOf(name) });
  }
  return entries;
}

/** Every README of the catalogue as it must be, by path. */
export async function documents(entries: readonly Entry[]): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const write = (file: string, made: string) => files.set(file, withMade(readFileSync(file, 'utf8'), made));
  for (const { name, reference } of entries) write(join(PROBES, name, 'README.md'), referenceText(reference));
  write(join(PROBES, 'README.md'), overview(entries));
  return files;
}

function overview(entries: readonly Entry[]): string {
  const rows = entries.map(({ name, about, reference }) => {
    const metrics = reference.metrics.map((m) => `\`${m.name}\``);
    const shown = reference.rows.map((s) => `\`${s.map}\``);
    return [`[${name}](${name}/README.md)`, about?.description ?? '', shown.join(', '), metrics.join(', ')];
  });
  return table(['probe', 'shows', 'rows', 'metrics'], rows);
}
