import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { usageError } from '../errors.ts';
import { examples } from '../examples.ts';
import { openStore } from '../images.ts';
import { out } from '../output/out.ts';
import { settingsOf } from '../settings.ts';

interface Flags {
  input?: string;
  name?: string;
  quiet?: boolean;
}

/** `skep load` */
export function define(command: Command): void {
  command
    .option('-i, --input <file>', 'the archive, plain, gzip or zstd; else standard input')
    .option('--name <name:tag>', 'call the one image in it so')
    .option('-q, --quiet', 'print nothing')
    .action(load);
  examples(
    command,
    'skep load -i probes.tar',
    'ssh build skep save oomkill:1 | skep load',
    'skep load -i from-docker-save.tar --name oomkill:2',
    '',
    'All images of the archive come into the store, or none. Links, paths that lead out of it, wrong digests and decompression bombs are refused.',
  );
}

async function load(flags: Flags, command: Command): Promise<void> {
  if (flags.input === undefined && process.stdin.isTTY) {
    throw usageError('no archive is given', 'Name a file with -i, or send one into standard input.');
  }
  const { loadImages } = await import('@skep/oci');
  const store = await openStore(settingsOf(command));
  const input = flags.input === undefined ? process.stdin : createReadStream(flags.input);
  // Of a folder the system refuses the reading, and does not say of what.
  input.once('error', (e: Error) => Object.assign(e, { path: flags.input }));
  const loaded = await loadImages(store, input, { name: flags.name });
  if (flags.quiet) return;
  const lines = loaded.map((i) =>
    i.reference ? `Loaded image: ${i.reference}\n` : `Loaded image ID: ${i.digest}\n`,
  );
  await out(lines.join(''));
}
