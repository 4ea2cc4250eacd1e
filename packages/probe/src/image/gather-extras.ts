import { readFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import type { ArchivedFile } from '@skep/oci/tar';
import { ProbeError } from '../errors.ts';
import { METADATA_FILE } from '../metadata/read.ts';
import type { Metadata } from '../metadata/types.ts';
import type { ExtraLayer } from './types.ts';

const MAX_BYTES = 4 * 1024 * 1024;

/** What the optional layers of an image are made of. */
export interface ExtraSources {
  /** The folder that is built. */
  dir: string;
  /** What its skep.yaml says, if it has one. */
  metadata?: Metadata;
  /** What the compiler read of the sources, absolute paths: they are embedded when they are given. */
  embed?: readonly string[];
  /** What the image is called where no skep.yaml says it. */
  name: string;
  /** The files that are compiled, absolute paths. */
  sources: readonly string[];
}

/**
 * The optional layers that a folder's skep.yaml asks for, and its sources.
 *
 * @throws {ProbeError} `SKEP_METADATA` for a file that is absent, too large or not of its kind; `SKEP_SOURCE` for sources
 * outside the folder
 */
export async function gatherExtras(from: ExtraSources): Promise<ExtraLayer[]> {
  const { dir, metadata } = from;
  const layer = async (kind: ExtraLayer['kind'], file: string): Promise<ExtraLayer> => {
    const bytes = await contents(dir, file);
    await checkKind(kind, file, bytes);
    return { kind, name: basename(file), bytes };
  };
  const extras: ExtraLayer[] = [];
  if (from.embed)
    extras.push({ kind: 'source', name: 'source.tar', bytes: await sourceTar(from, from.embed) });
  if (metadata?.readme !== undefined) extras.push(await layer('readme', metadata.readme));
  for (const file of metadata?.dashboards ?? []) extras.push(await layer('dashboard', file));
  for (const file of metadata?.rules ?? []) extras.push(await layer('rules', file));
  return extras;
}

/** A folder that builds the same image again. */
async function sourceTar(from: ExtraSources, read: readonly string[]): Promise<Uint8Array> {
  const { dir, metadata: m, name, sources } = from;
  const { tarOf } = await import('@skep/oci/tar');
  const outside = read.find((file) => /^\.\.(\/|$)/.test(relative(dir, file)));
  if (outside !== undefined) {
    throw new ProbeError(
      'SKEP_SOURCE',
      `${outside} lies outside ${dir}, so the sources cannot be embedded.`,
      {
        hint: 'Move it into the folder, or build without embedded sources.',
      },
    );
  }
  const own = [METADATA_FILE, m?.readme, ...(m?.dashboards ?? []), ...(m?.rules ?? [])];
  const names = [...read.map((file) => relative(dir, file)), ...(m ? own : [])];
  const files: ArchivedFile[] = [];
  for (const file of new Set(names.filter((n) => n !== undefined)))
    files.push({ name: file, bytes: await contents(dir, file) });
  if (!m) {
    const listed = sources.map((s) => yamlText(relative(dir, s))).join(', ');
    const text = `name: ${yamlText(name)}\nsources: [${listed}]\nembed_sources: true\n`;
    files.push({ name: METADATA_FILE, bytes: Buffer.from(text) });
  }
  return tarOf(files);
}

/** A file may be called anything. JSON's texts are YAML's. */
function yamlText(text: string): string {
  return /^[A-Za-z_][\w./-]*$/.test(text) && !/^(true|false|null)$/i.test(text) ? text : JSON.stringify(text);
}

async function contents(dir: string, file: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(join(dir, file));
  } catch (cause) {
    throw refused(dir, file, `cannot be read: ${(cause as NodeJS.ErrnoException).code ?? cause}`, cause);
  }
  if (bytes.length > MAX_BYTES)
    throw refused(dir, file, `has ${bytes.length} bytes, more than the 4 MiB allowed`);
  return bytes;
}

/** What is named as a dashboard or rules should look like one: whoever gets the image cannot mend it. */
async function checkKind(kind: ExtraLayer['kind'], file: string, bytes: Uint8Array): Promise<void> {
  const text = Buffer.from(bytes).toString('utf8');
  if (kind === 'dashboard') {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (cause) {
      throw refused('', file, 'is no JSON', cause);
    }
    if (!(json as { panels?: unknown } | null)?.panels)
      throw refused('', file, 'is no Grafana dashboard: it has no panels');
  } else if (kind === 'rules') {
    const { rulesProblem } = await import('./rule-groups.ts');
    const problem = rulesProblem(text);
    if (problem !== undefined) throw refused('', file, problem);
  }
}

function refused(dir: string, file: string, why: string, cause?: unknown): ProbeError {
  return new ProbeError('SKEP_METADATA', `${join(dir, file)} ${why}.`, {
    hint: `Mend it, or take it out of ${METADATA_FILE}.`,
    cause,
  });
}
