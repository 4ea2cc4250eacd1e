import { release } from 'node:os';
import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { formatObject } from '../output/format.ts';
import { out } from '../output/out.ts';
import { version } from '../version.ts';

/** `skep version` */
export function define(command: Command): void {
  command
    .option('-q, --quiet', 'only the version of skep')
    .option('-f, --format <template>', "json, or a Go template ('{{.Version}}')")
    .action(show);
  examples(command, 'skep version', "skep version --format '{{.Version}}'");
}

async function show(flags: { quiet?: boolean; format?: string }): Promise<void> {
  const about = {
    Version: version,
    Node: process.versions.node,
    Os: process.platform,
    Arch: process.arch,
    Kernel: release(),
  };
  if (flags.quiet) return out(`${version}\n`);
  if (flags.format) return out(formatObject(about, flags.format));
  const lines = Object.entries(about).map(([name, value]) => `${`${name}:`.padEnd(9)} ${value}\n`);
  await out(lines.join(''));
}
