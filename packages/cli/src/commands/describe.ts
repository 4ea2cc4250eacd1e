import type { Command } from 'commander';
import { describeProbe, descriptionText } from '../describe-image.ts';
import { examples } from '../examples.ts';
import { formatObject } from '../output/format.ts';
import { out } from '../output/out.ts';
import { fileOrImage } from '../probe-source.ts';
import { settingsOf } from '../settings.ts';

/** `skep describe` */
export function define(command: Command): void {
  command
    .argument('<program>', 'an image of the local store, or an object file')
    .option('--format <template>', 'json, or a Go template')
    .action(describe);
  examples(
    command,
    'skep describe oomkill:1',
    'skep describe ./oomkill.o',
    'skep describe --format json oomkill:1',
    "skep describe --format '{{range .Objects}}{{range .Programs}}{{.Section}}{{println}}{{end}}{{end}}' oomkill:1",
  );
}

async function describe(program: string, flags: { format?: string }, command: Command): Promise<void> {
  const { image, stored } = await fileOrImage(program, settingsOf(command));
  const { describeObject } = await import('@skep/probe');
  const objects = image.objects.map((o) => describeObject(o.bytes, o.name));
  await out(
    flags.format === undefined
      ? descriptionText(program, image, objects, stored)
      : formatObject(describeProbe(program, image, objects, stored), flags.format),
  );
}
