import type { Command } from 'commander';
import { mayBeAttested } from '../attested.ts';
import { describeProbe, descriptionText } from '../describe-image.ts';
import { examples } from '../examples.ts';
import { formatObject } from '../output/format.ts';
import { out } from '../output/out.ts';
import {
  fileOrImage,
  isFile,
  looksLikePath,
  objectFile,
  type Source,
  type SourceCheck,
  storedImage,
} from '../probe-source.ts';
import { type Settings, settingsOf } from '../settings.ts';

/** `skep describe` */
export function define(command: Command): void {
  command
    .argument('<program>', 'an image (pulled if absent), or an object file')
    .option('--platform <os/arch>', "of an image for several, this part; this machine's unless said")
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

async function describe(
  program: string,
  flags: { format?: string; platform?: string },
  command: Command,
): Promise<void> {
  const settings = settingsOf(command);
  let said = '';
  const look: SourceCheck = async (source, store) => {
    if (flags.format !== undefined || !source.stored || !store || !mayBeAttested(store, source.stored))
      return;
    const { saidText } = await import('../said-of-image.ts');
    said = await saidText(store, source.stored);
  };
  const { platform } = flags;
  const { image, stored } =
    (await present(program, settings, platform, look)) ?? (await pulled(program, settings, platform, look));
  const { describeObject } = await import('@skep/probe');
  const objects = image.objects.map((o) => describeObject(o.bytes, o.name));
  await out(
    flags.format === undefined
      ? descriptionText(program, image, objects, stored, said)
      : formatObject(describeProbe(program, image, objects, stored), flags.format),
  );
}

async function present(
  program: string,
  settings: Settings,
  platform: string | undefined,
  look: SourceCheck,
): Promise<Source | undefined> {
  if ((await isFile(program)) || looksLikePath(program)) return objectFile(program);
  return storedImage(program, settings, look, platform);
}

async function pulled(
  reference: string,
  settings: Settings,
  platform: string | undefined,
  look: SourceCheck,
): Promise<Source> {
  const { pullImage } = await import('../pull-image.ts');
  await pullImage(reference, settings, platform);
  return fileOrImage(reference, settings, platform, look);
}
